/** Lines of a Westermo MR or Digi TransPort configuration: `entity instance key value`. */

/** One line that sets something. Keys and entities in lower case: the router ignores case. */
export type SarosLine = {
  readonly line: number;
  readonly entity: string;
  readonly instance: number;
  readonly key: string;
  readonly value: string;
};

/** What is wrong with a line that should have been understood. */
export type SarosFault = { readonly line: number; readonly what: string };

export type SarosText = {
  /** Lines of the entities that concern IPsec, in file order. */
  readonly lines: readonly SarosLine[];
  /** Other entities: how many lines each has. */
  readonly others: ReadonlyMap<string, number>;
  readonly faults: readonly SarosFault[];
};

/** Entities that concern IPsec. */
const ENTITIES: ReadonlySet<string> = new Set(
  ["eroute", "egroup", "def_eroute", "user", "ike", "ike2", "dpd"].values(),
);

/** Parses the text; lines of other entities are only counted. */
export function parseSaros(text: string): SarosText {
  const lines: SarosLine[] = [];
  const others = new Map<string, number>();
  const faults: SarosFault[] = [];
  for (const [i, raw] of text.split(/\r\n|[\r\n]/).entries()) {
    const content = raw.trim();
    if (content === "" || /^[#;!]/.test(content)) continue;
    const entity = (content.split(/\s/, 1)[0] ?? "").toLowerCase();
    if (!ENTITIES.has(entity)) {
      others.set(entity, (others.get(entity) ?? 0) + 1);
      continue;
    }
    const read = parseLine(i + 1, content);
    if ("what" in read) faults.push(read);
    else lines.push(read);
  }
  return { lines, others, faults };
}

/** Words end at spaces; a value with spaces is in double quotes. */
function parseLine(line: number, content: string): SarosLine | SarosFault {
  const parts = /^(\S+)\s+(\S+)\s+(\S+)(?:\s+(.*))?$/.exec(content);
  const [, entity = "", instance = "", key = "", rest = ""] = parts ?? [];
  if (parts === null) return { line, what: "is not: entity, instance, parameter, value" };
  if (!/^[0-9]{1,5}$/.test(instance)) {
    return { line, what: `has the instance "${instance}", not a number up to 99999` };
  }
  const value = parseValue(rest);
  if (value === undefined) {
    // Not quoted: it may be a password.
    return { line, what: `has a value of "${key}" that is not one word, nor in double quotes` };
  }
  return {
    line,
    value,
    instance: Number(instance),
    entity: entity.toLowerCase(),
    key: key.toLowerCase(),
  };
}

function parseValue(text: string): string | undefined {
  const quoted = /^"([^"]*)"$/.exec(text);
  if (quoted !== null) return quoted[1] ?? "";
  return /["\s]/.test(text) ? undefined : text;
}

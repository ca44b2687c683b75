/** Reads the JUnit report that `bun test --reporter=junit` writes. */

export type Outcome = "passed" | "failed" | "skipped";

export type TestResult = {
  readonly file: string;
  /** Names of the groups around the test and its own, joined by " > ". */
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** The output of a failed test; empty otherwise. */
  readonly detail: string;
};

/** All tests of a report, in its order; none if the text is not such a report. */
export function parseJunit(xml: string): TestResult[] {
  const results: TestResult[] = [];
  for (const found of xml.matchAll(/<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const attributes = found[1] ?? "";
    const body = found[3] ?? "";
    const group = attribute(attributes, "classname");
    const name = attribute(attributes, "name");
    results.push({
      file: attribute(attributes, "file"),
      name: group === "" ? name : `${group} > ${name}`,
      outcome: outcomeOf(body),
      seconds: Number(attribute(attributes, "time")),
      detail: failureText(body),
    });
  }
  return results;
}

function outcomeOf(body: string): Outcome {
  if (/<(failure|error)\b/.test(body)) return "failed";
  return /<skipped\b/.test(body) ? "skipped" : "passed";
}

function failureText(body: string): string {
  const found = /<(?:failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(body);
  if (found === null) return "";
  const text = unescapeXml(found[2] ?? "").trim();
  return text === "" ? attribute(found[1] ?? "", "message") : text;
}

function attribute(attributes: string, name: string): string {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes);
  return unescapeXml(found?.[1] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string {
  return text.replace(/&(#\d+|#x[0-9a-f]+|\w+);/gi, (whole, entity: string) => {
    if (/^#x/i.test(entity)) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith("#")) return String.fromCodePoint(Number(entity.slice(1)));
    return ENTITIES[entity] ?? whole;
  });
}

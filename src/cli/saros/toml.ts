/** The TOML that an import writes: sections of keys, with comments above them. */

export type TomlValue =
  | string
  | number
  | boolean
  | readonly string[]
  | { readonly [key: string]: string | false };

/** `header` with its brackets: `[[eroute]]`. */
export type Section = {
  readonly header: string;
  readonly comments: string[];
  readonly keys: Map<string, TomlValue>;
  /** Written as comments: it has to be completed by hand first. */
  isComment: boolean;
};

export function section(header: string): Section {
  return { header, comments: [], keys: new Map(), isComment: false };
}

/** All sections that are not empty, separated by empty lines. */
export function formatToml(sections: readonly Section[], head: readonly string[]): string {
  const texts = sections.filter(({ keys }) => keys.size > 0).map(formatSection);
  return `${[head.map(comment).join("\n"), ...texts].join("\n\n")}\n`;
}

function formatSection({ header, comments, keys, isComment }: Section): string {
  const lines = [header, ...[...keys].map(([key, value]) => `${key} = ${formatValue(value)}`)];
  return [...comments.map(comment), ...(isComment ? lines.map(comment) : lines)].join("\n");
}

function comment(text: string): string {
  return `# ${text.replace(/\p{Cc}/gu, "?")}`;
}

function formatValue(value: TomlValue): string {
  if (typeof value === "string") return formatText(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(formatText).join(", ")}]`;
  const pairs = Object.entries(value).map(([key, inner]) => `${key} = ${formatValue(inner)}`);
  return `{ ${pairs.join(", ")} }`;
}

/** A basic string of TOML: quotes, backslashes and control characters are escaped. */
function formatText(text: string): string {
  const escaped = text.replace(/[\p{Cc}"\\]/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

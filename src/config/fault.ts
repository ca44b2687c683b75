/** What is wrong in a configuration file: where, what, and what would be right. */

export type ConfigFault = {
  readonly file: string;
  /** `eroute[0].peerid`; empty for the whole file. */
  readonly path: string;
  /** Counted from 1; undefined if no line can be named. */
  readonly line: number | undefined;
  /** Follows the path: `is missing`. Never quotes a secret. */
  readonly what: string;
  readonly expected: string;
};

/** Keys and list places from the top of the file. */
export type KeyPath = readonly (string | number)[];

/** `erouted.toml:14: eroute[0].peerid is missing; expected an ID or a pattern …`. */
export function formatFault(fault: ConfigFault): string {
  const place = fault.line === undefined ? fault.file : `${fault.file}:${fault.line}`;
  const subject = fault.path === "" ? "" : `${fault.path} `;
  return `${place}: ${subject}${fault.what}; expected ${fault.expected}`;
}

/** `eroute[0].peerid`, with quotes around keys for which TOML requires them. */
export function pathText(path: KeyPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += (text === "" ? "" : ".") + keyText(part);
  }
  return text;
}

/** Foreign text in a message: quoted, control characters escaped, and shortened. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, 60)}…` : text);
}

/** In the order of the file; faults without a line come last. */
export function inFileOrder(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  const lineOf = (fault: ConfigFault) => fault.line ?? Number.POSITIVE_INFINITY;
  return faults.toSorted((a, b) => (lineOf(a) === lineOf(b) ? 0 : lineOf(a) - lineOf(b)));
}

const QUOTED_LENGTH_MAX = 80;

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key);
}

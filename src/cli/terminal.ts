/** What commands write to and read from, and their exit codes. */

import { writeSync } from "node:fs";

/**
 * The code of a faulty configuration is EX_CONFIG of sysexits.h: systemd shows it as `78/CONFIG`
 * and does not restart the service; 3 to 7 have meanings of their own there (3: NOTIMPLEMENTED).
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, configuration: 78, notConnected: 4 } as const;

/** What each of them means, for the help and the documents. */
export const EXIT_MEANINGS: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [EXIT.ok, "ok"],
  [EXIT.failed, "failed"],
  [EXIT.usage, "wrong usage"],
  [EXIT.configuration, "faults in the configuration"],
  [EXIT.notConnected, "the site is not connected (why, sa)"],
];

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Lines come without their line feed. Results go to `out`, everything else to `err`. */
export type Terminal = {
  out(line: string): void;
  err(line: string): void;
  /** The width of standard output; undefined if it is not a terminal. */
  readonly columns: number | undefined;
  /** What can be done if standard output is a terminal; undefined if it is not. */
  readonly screen?: Screen | undefined;
  /** Shows progress in one line of standard error; undefined removes the line. */
  readonly progress?: ((text: string | undefined) => void) | undefined;
  /** From now on the work goes on to its end, also where nobody reads the output any more. */
  outlive?(): void;
  /** All of standard input, up to `octetsMax`; undefined if it is longer. */
  stdin(octetsMax: number): Promise<Uint8Array | undefined>;
};

/** A terminal that a person watches. */
export type Screen = {
  /** Lines that it shows. */
  readonly rows: number;
  /** Whether colours are wanted: NO_COLOR (no-color.org) is empty, and TERM is not `dumb`. */
  readonly colour: boolean;
  /** Writes text unchanged, with characters that a terminal interprets. */
  write(text: string): void;
  /** Aborted by Ctrl-C and SIGTERM, which no longer end the process once this has been read. */
  interrupted(): AbortSignal;
};

/**
 * The terminal of this process. A reader that has gone away (`| head`) ends the process quietly;
 * results that are lost in any other way, for example on a full disk, are a failure.
 */
export function openTerminal(): Terminal {
  let outlives = false;
  process.stdout.on("error", (error: Error & { code?: string }) => {
    if (outlives) return;
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    // Not through the stream: the process must not end before this is written.
    writeAnyway(`erouted: standard output: ${error.message}: the output is lost\n`);
    process.exit(EXIT.failed);
  });
  process.stderr.on("error", (error: Error & { code?: string }) => {
    if (outlives) return;
    if (error.code === "EPIPE") process.exit(EXIT.ok);
  });
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    get columns() {
      // A serial line does not know its size.
      return process.stdout.isTTY ? process.stdout.columns || COLUMNS_PRESUMED : undefined;
    },
    screen: process.stdout.isTTY ? openScreen() : undefined,
    progress: process.stderr.isTTY ? showProgress : undefined,
    outlive() {
      outlives = true;
    },
    stdin: readStdin,
  };
}

function openScreen(): Screen {
  const { NO_COLOR = "", TERM } = process.env;
  return {
    get rows() {
      return process.stdout.rows || ROWS_PRESUMED;
    },
    colour: NO_COLOR === "" && TERM !== "dumb",
    write: (text) => void process.stdout.write(text),
    interrupted() {
      const abort = new AbortController();
      for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => abort.abort());
      return abort.signal;
    },
  };
}

/** Standard input as text; undefined if it holds more than `octetsMax`. */
export async function stdinText(
  terminal: Terminal,
  octetsMax: number,
): Promise<string | undefined> {
  const octets = await terminal.stdin(octetsMax);
  return octets && Buffer.from(octets).toString("utf8");
}

function showProgress(text: string | undefined): void {
  const line = (text ?? "").slice(0, (process.stderr.columns || COLUMNS_PRESUMED) - 1);
  process.stderr.write(`\r${line}\x1b[K`);
}

/** Says why a command failed, and returns its exit code. */
export function failure(terminal: Terminal, what: string): ExitCode {
  terminal.err(`erouted: ${what}`);
  return EXIT.failed;
}

/** Says what is wrong with the way a command was called, and returns its exit code. */
export function misuse(terminal: Terminal, what: string): ExitCode {
  terminal.err(`erouted: ${what}`);
  return EXIT.usage;
}

/** Text from elsewhere, without characters that a terminal would interpret. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "?");
}

const COLUMNS_PRESUMED = 80;
const ROWS_PRESUMED = 24;

function writeAnyway(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // No one is left to read a message; the exit code says it.
  }
}

async function readStdin(octetsMax: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of Bun.stdin.stream()) {
    octets += chunk.length;
    if (octets > octetsMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What commands write to and read from, and the codes with which they end. */

import { writeSync } from "node:fs";

/**
 * That of a faulty configuration is EX_CONFIG of sysexits.h, which systemd shows as `78/CONFIG` and
 * does not start again; 3 to 7 would have meanings of their own there (3: NOTIMPLEMENTED).
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, configuration: 78, notConnected: 4 } as const;

/** What each of them says, for the help and the documents. */
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
  /** How wide standard output is; undefined where it is no terminal. */
  readonly columns: number | undefined;
  /** What can be done where standard output is a terminal; undefined where it is none. */
  readonly screen?: Screen | undefined;
  /** Shows how far something is, in one line of standard error; undefined takes it away. */
  readonly progress?: ((text: string | undefined) => void) | undefined;
  /** All of standard input, up to `octetsMax`; undefined if it holds more. */
  stdin(octetsMax: number): Promise<Uint8Array | undefined>;
};

/** A terminal that people look at. */
export type Screen = {
  /** Lines that it shows. */
  readonly rows: number;
  /** Whether colours are wanted: NO_COLOR (no-color.org) is empty, and TERM not `dumb`. */
  readonly colour: boolean;
  /** As it is, with what a terminal obeys. */
  write(text: string): void;
  /** Aborted by Ctrl-C and SIGTERM, which do not end the process once this has been asked for. */
  interrupted(): AbortSignal;
};

/**
 * The process's own. A reader that has gone away (`| head`) ends the process quietly; results that
 * are lost in any other way, on a full disk for one, are a failure.
 */
export function openTerminal(): Terminal {
  process.stdout.on("error", (error: Error & { code?: string }) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    // Not the stream: the process must not end before this is out.
    writeAnyway(`erouted: standard output: ${error.message}: what was to be written is lost\n`);
    process.exit(EXIT.failed);
  });
  process.stderr.on("error", (error: Error & { code?: string }) => {
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

/** Says why a command failed, and is its exit code. */
export function failure(terminal: Terminal, what: string): ExitCode {
  terminal.err(`erouted: ${what}`);
  return EXIT.failed;
}

/** Says what is wrong with how a command was called, and is its exit code. */
export function misuse(terminal: Terminal, what: string): ExitCode {
  terminal.err(`erouted: ${what}`);
  return EXIT.usage;
}

/** Text from elsewhere, without characters that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "?");
}

const COLUMNS_PRESUMED = 80;
const ROWS_PRESUMED = 24;

function writeAnyway(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody is left to be told; the exit code says it.
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

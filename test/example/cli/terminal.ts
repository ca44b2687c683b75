/** A terminal for tests: keeps what commands print. */

import { runCli } from "../../../src/cli/program.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

/** Runs a command with this standard input, text or octets; as on a terminal, if one is given. */
export async function runWith(
  args: readonly string[],
  stdin: string | Uint8Array = "",
  on: Partial<Terminal> = {},
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    columns: undefined,
    stdin(octetsMax) {
      const octets = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
      return Promise.resolve(octets.length > octetsMax ? undefined : octets);
    },
    ...on,
  };
  const code = await runCli(args, terminal);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

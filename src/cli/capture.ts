/** `erouted capture PEER`: a pcapng file of a site's IKE messages, from a running daemon. */

import { open } from "node:fs/promises";
import { parseDuration } from "../eroute/duration.ts";
import { formatOctets } from "./amounts.ts";
import { type AskOptions, daemonOf, transportOf } from "./daemon-client.ts";
import { textAt } from "./json-fields.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "./terminal.ts";

export type CaptureOptions = AskOptions & {
  readonly peerid: string;
  readonly out?: string;
  readonly for: string;
  readonly json?: true;
};

const SECONDS_MAX = 3_600;
/** The daemon ends it; it is given a little longer. */
const GRACE_MS = 10_000;

/** Writes what comes until the time is over, or Ctrl-C; readable by its owner only. */
export async function capture(options: CaptureOptions, terminal: Terminal): Promise<ExitCode> {
  const seconds = Math.round((parseDuration(options.for) ?? Number.NaN) / 1_000);
  if (!(seconds >= 1 && seconds <= SECONDS_MAX)) {
    return misuse(terminal, '--for takes a time from 1s to 1h, such as "60s"');
  }
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const { operateToken } = daemon.value;
  if (operateToken === undefined) {
    const how = "set status.operate_token_file, or give one by --token-file";
    return failure(terminal, `no token: ${how}`);
  }
  const path = `/api/v1/peers/${encodeURIComponent(options.peerid)}/capture?seconds=${seconds}`;
  const ended = new AbortController();
  process.once("SIGINT", () => ended.abort());
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(seconds * 1_000 + GRACE_MS)]);
  const url = new URL(path, daemon.value.url);
  try {
    const headers = { authorization: `Bearer ${operateToken}` };
    const how = { headers, signal, redirect: "error", ...transportOf(daemon.value) } as const;
    const response = await fetch(url, how);
    if (!response.ok) {
      const said = textAt(await response.json().catch(() => undefined), "detail");
      return failure(terminal, printable(`${url.origin}: ${response.status}: ${said ?? ""}`));
    }
    const file = options.out ?? `${options.peerid.replace(/[^\w.@-]/g, "_")}.pcapng`;
    terminal.err(printable(`${file}: capturing for ${seconds} s, Ctrl-C ends it`));
    const octets = await write(file, response, ended.signal);
    if (options.json === true) terminal.out(JSON.stringify({ file, octets }));
    else terminal.out(printable(`${file}: ${formatOctets(octets)}`));
    return EXIT.ok;
  } catch (error) {
    return failure(terminal, printable(error instanceof Error ? error.message : String(error)));
  }
}

async function write(file: string, response: Response, ended: AbortSignal): Promise<number> {
  const handle = await open(file, "w", 0o600);
  let octets = 0;
  try {
    for await (const chunk of response.body ?? []) {
      octets += chunk.length;
      await handle.write(chunk);
    }
  } catch (error) {
    // What came until Ctrl-C is a whole file: blocks come whole.
    if (!ended.aborted) throw error;
  } finally {
    await handle.close();
  }
  return octets;
}

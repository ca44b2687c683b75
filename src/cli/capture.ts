/**
 * `erouted capture PEER`: writes a site's IKE messages from a running daemon, and keys to read
 * them.
 */

import { open, readFile } from "node:fs/promises";
import { parseDuration } from "../eroute/duration.ts";
import { createPacketCounter } from "../inet/pcapng.ts";
import { formatOctets } from "../octets/octet-amount.ts";
import { counted } from "./amounts.ts";
import {
  type AskOptions,
  daemonOf,
  explain,
  type RunningDaemon,
  transportOf,
} from "./daemon-client.ts";
import { textAt } from "./json-fields.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "./terminal.ts";

export type CaptureOptions = AskOptions & {
  readonly peerid: string;
  readonly out?: string;
  readonly keys?: string;
  readonly for: string;
  readonly json?: true;
};

const SECONDS_MAX = 3_600;
/** The daemon ends the capture; it gets a little more time. */
const GRACE_MS = 10_000;

/** Reads from the daemon until the time is over, or until Ctrl-C. */
type Reading = {
  readonly daemon: RunningDaemon;
  readonly peerid: string;
  readonly seconds: number;
  readonly ended: AbortSignal;
};

/** Writes what arrives; both files are readable by their owner only. */
export async function capture(options: CaptureOptions, terminal: Terminal): Promise<ExitCode> {
  const seconds = Math.round((parseDuration(options.for) ?? Number.NaN) / 1_000);
  if (!(seconds >= 1 && seconds <= SECONDS_MAX)) {
    return misuse(terminal, '--for takes a time from 1s to 1h, such as "60s"');
  }
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  if (daemon.value.operateToken === undefined) {
    const how = "set status.operate_token_file, or give one with --token-file";
    return failure(terminal, `no token: ${how}`);
  }
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  const { peerid, keys: keysFile } = options;
  const reading = { daemon: daemon.value, peerid, seconds, ended: interrupted.signal };
  const file = options.out ?? `${peerid.replace(/[^\w.@-]/g, "_")}.pcapng`;
  try {
    // Keys first, so that none is missing for a captured message.
    const keys = keysFile === undefined ? undefined : await begin(reading, "ike-keys");
    const packets = await begin(reading, "capture");
    terminal.err(printable(`${file}: capturing for ${seconds} s, Ctrl-C ends it`));
    const [written] = await Promise.all([
      write(file, packets, reading.ended),
      keys === undefined ? undefined : write(keysFile ?? "", keys, reading.ended),
    ]);
    const { octets, packets: messages } = written;
    const said = { file, octets, messages, keys: keysFile };
    if (options.json === true) terminal.out(JSON.stringify(said));
    else
      terminal.out(printable(`${file}: ${counted(messages, "message")}, ${formatOctets(octets)}`));
    if (keysFile !== undefined) terminal.err(printable(`${keysFile}: ${await useOf(keysFile)}`));
    return EXIT.ok;
  } catch (error) {
    return failure(terminal, printable(`${daemon.value.url.origin}: ${explain(error)}`));
  }
}

async function useOf(keysFile: string): Promise<string> {
  const table = decryptionTableOf(await readFile(keysFile, "utf8"));
  return `secret; Wireshark reads it as ~/.config/wireshark/${table}; delete it afterwards`;
}

/** Which table it is: a line has a cookie and a key for IKEv1, and more for IKEv2. */
export function decryptionTableOf(text: string): string {
  const lines = text.split("\n").filter((line) => /^[0-9a-f]/.test(line));
  const isOld = lines.length > 0 && lines.every((line) => line.split(",").length === 2);
  return isOld ? "ikev1_decryption_table" : "ikev2_decryption_table";
}

type Written = { readonly octets: number; readonly packets: number };

async function begin(reading: Reading, what: "capture" | "ike-keys"): Promise<Response> {
  const { daemon, peerid, seconds, ended } = reading;
  const path = `/api/v1/peers/${encodeURIComponent(peerid)}/${what}?seconds=${seconds}`;
  const url = new URL(path, daemon.url);
  const response = await fetch(url, {
    ...transportOf(daemon),
    headers: { authorization: `Bearer ${daemon.operateToken}` },
    redirect: "error",
    signal: AbortSignal.any([ended, AbortSignal.timeout(seconds * 1_000 + GRACE_MS)]),
  });
  if (response.ok) return response;
  const said = textAt(await response.json().catch(() => undefined), "detail");
  throw new Error(`answers ${response.status}: ${said ?? ""}`);
}

async function write(file: string, response: Response, ended: AbortSignal): Promise<Written> {
  const handle = await open(file, "w", 0o600);
  let octets = 0;
  let packets = 0;
  const counter = createPacketCounter();
  try {
    // A file that existed before keeps its mode.
    await handle.chmod(0o600);
    for await (const chunk of response.body ?? []) {
      octets += chunk.length;
      packets = counter.take(chunk);
      await handle.write(chunk);
    }
  } catch (error) {
    // What has arrived until Ctrl-C is a complete file: blocks and lines are never split.
    if (!ended.aborted) throw error;
  } finally {
    await handle.close();
  }
  return { octets, packets };
}

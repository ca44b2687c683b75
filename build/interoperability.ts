/**
 * Writes docs/interoperability.md from what a run of the guests has seen.
 *   interoperability.ts         the page, from test/real/interoperability.json
 *   interoperability.ts --take  first takes over what the last run has left in build/out
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  CASES,
  type Case,
  PEERS,
  type PeerName,
  reasonAgainst,
  type Seen,
  STEPS,
  type Stored,
} from "../test/real/guest/interoperability-table.ts";

export const INTEROPERABILITY_FILE = join(import.meta.dir, "../docs/interoperability.md");
const STORED_FILE = join(import.meta.dir, "../test/real/interoperability.json");
const RESULTS = join(import.meta.dir, "out/interoperability");

const HEAD = `# Interoperability

What was seen with the software of other vendors: daemons of Debian's packages in network
namespaces, on a kernel with ESP, against the built executable. Each row is a test
(\`test/real/guest/interop-*.guest.ts\`) or has the reason why there is none. \`make
interoperability\` runs them all and writes this page; \`make test\` runs those of strongSwan 6.1.

In each row the site or erouted calls, pings pass in both directions, each end rekeys the Child SA
and the IKE SA while the pings go on, and the site disconnects. "NAT" is a router that hides the
site behind its own address; for calls of erouted it forwards UDP ports 500 and 4500 to the site.
Keys are pre-shared, and erouted's algorithms are its defaults (with ML-KEM for ESP in addition for
the hybrid rows).

- **lost** are pings without an answer during the four rekeys. strongSwan loses none, but on a busy
  machine its kernel may drop a packet that had found its state just before charon deleted it.
  Libreswan and OpenIKED send with new keys as soon as they have answered, as RFC 7296 §2.8 allows,
  and OpenIKED before its own kernel has them: a packet in this moment finds no state.
- OpenIKED has no command for a rekey: its lifetimes are 10 and 20 s here.

`;

/** The whole file. */
export function interoperability(stored: Stored): string {
  const names = Object.keys(PEERS) as PeerName[];
  const head = ["peer", "key exchange", "call", "path", ...STEPS, "lost"];
  const rows = names.flatMap((peer) => [...triedRows(peer, stored), ...reasonRows(peer)]);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return `${HEAD}${[head, head.map(() => "---"), ...rows].map(line).join("")}`;
}

/** What the last run has seen, as it is kept. */
export async function storedResults(): Promise<Stored> {
  return (await Bun.file(STORED_FILE).json()) as Stored;
}

function triedRows(peer: PeerName, stored: Stored): readonly string[][] {
  const seen = stored[peer];
  return CASES.filter((one) => reasonAgainst(peer, one) === undefined).map((one) => {
    const found = seen?.cases.find((other) => isSame(one, other));
    const steps = STEPS.map((step) => (found?.steps.includes(step) ? "yes" : "not seen"));
    const name = `${PEERS[peer].software} ${seen?.version ?? PEERS[peer].version}`;
    const how = found === undefined ? one.keyExchange : `${one.keyExchange} (${agreedText(found)})`;
    return [name, how, `by ${one.caller}`, one.path, ...steps, String(found?.lost ?? "–")];
  });
}

/** Cases that share a reason share a row. */
function reasonRows(peer: PeerName): readonly string[][] {
  const reasons = new Set(CASES.map((one) => reasonAgainst(peer, one)));
  const { software, version } = PEERS[peer];
  return [...reasons].flatMap((reason) => {
    if (reason === undefined) return [];
    const kinds = CASES.filter((one) => reasonAgainst(peer, one) === reason);
    const exchanges = [...new Set(kinds.map(({ keyExchange }) => keyExchange))].join(", ");
    const rest = STEPS.map(() => "–");
    return [[`${software} ${version}`, exchanges, `not tried: ${reason}`, "–", ...rest, "–"]];
  });
}

function isSame(one: Case, other: Case): boolean {
  const { keyExchange, caller, path } = one;
  return keyExchange === other.keyExchange && caller === other.caller && path === other.path;
}

function agreedText({ agreed }: Seen): string {
  return agreed.replaceAll("_", "-").replace("+", " + ");
}

/** The results of a run, instead of those before; peers that it has not tried keep theirs. */
async function take(): Promise<void> {
  const stored: Stored = existsSync(STORED_FILE) ? await storedResults() : {};
  for (const peer of Object.keys(PEERS) as PeerName[]) {
    const file = Bun.file(join(RESULTS, `${peer}.json`));
    if (await file.exists()) stored[peer] = await file.json();
  }
  await Bun.write(STORED_FILE, `${JSON.stringify(stored, undefined, 2)}\n`);
}

if (import.meta.main) {
  if (process.argv.includes("--take")) await take();
  await Bun.write(INTEROPERABILITY_FILE, interoperability(await storedResults()));
}

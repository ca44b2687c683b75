/** Traces sites: shows each message of the sites that an operator asked for. */

import { peerKey } from "../../eroute/peer-id.ts";
import { seenInClear } from "../../ike/door.ts";
import { pathOf, saIdOf } from "../../ike/ike-sa.ts";
import type { MessageListener, SeenMessage } from "../../ike/seen-message.ts";
import { formatEndpoint, type Path } from "../../inet/endpoint.ts";
import { type IkeSpi, parseHeader } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import type { JournalStep } from "../journal/journal.ts";
import { journal } from "../journal/write.ts";
import type { Entry } from "./entry.ts";
import { aboutOf, entryAt } from "./ike-sas.ts";
import type { Trace, UntoldMessage } from "./negotiation.ts";

/** IKE SAs whose peer is not known yet, and messages of each that are kept until it is. */
const UNTOLD_SAS_MAX = 256;
const UNTOLD_MESSAGES_MAX = 8;

/** Its text is made only if it is shown, or kept. */
type TracedMessage = Omit<UntoldMessage, "detail"> & { detail(): string };

/** From now on these are traced, and no others. */
export function trace(engine: Engine, traced: ReadonlySet<string>): void {
  const { trace: looking } = engine.negotiation;
  looking.traced = traced;
  const isAnybody = traced.size > 0;
  looking.onMessage = isAnybody ? (message) => onSeenMessage(engine, message) : undefined;
  if (!isAnybody) looking.untold.clear();
}

/** The listener that gets each message; undefined while no site is traced. */
export function onMessageOf({ negotiation }: Engine): MessageListener {
  return negotiation.trace.onMessage;
}

/** Whether any site is traced. */
export function isTracing({ negotiation }: Engine): boolean {
  return negotiation.trace.onMessage !== undefined;
}

/** The key by which a site is traced. */
export function traceKey(text: string): string {
  return peerKey(text);
}

/** A message of an IKE SA, decrypted. */
function onSeenMessage(engine: Engine, message: SeenMessage): void {
  const { spiI, spiR } = message.id;
  const entry = entryAt(engine, spiI) ?? entryAt(engine, spiR);
  if (entry === undefined) return;
  const { way, exchange } = message;
  const detail = () => `${way} ${exchange} ${kindOf(message)}: ${message.inside()}`;
  const remote = remoteOf(pathOf(entry.sa));
  tell(engine, entry, { spiI, step: stepOf(exchange), detail, remote });
}

/** A datagram that is not encrypted: there may be no IKE SA yet, or ever. */
export function onTracedDatagram(
  engine: Engine,
  octets: Uint8Array,
  path: Path,
  way: SeenMessage["way"],
): void {
  const header = parseHeader(octets);
  const message = header.ok ? seenInClear(header.value, octets) : undefined;
  if (message === undefined) return;
  const { exchange } = message;
  const { spiI, spiR } = message.id;
  const head = `${way} ${exchange} ${kindOf(message)}, ${octets.length} octets`;
  const detail = () => `${head}: ${message.inside()}`;
  const entry = entryAt(engine, spiI) ?? entryAt(engine, spiR);
  tell(engine, entry, { spiI, step: "IKE_SA_INIT", detail, remote: remoteOf(path) });
}

function kindOf({ response, messageId }: Omit<SeenMessage, "way">): string {
  return `${response ? "response" : "request"} ${messageId}`;
}

/** The site of an IKE SA is known now: shows its earlier messages if the site is traced. */
export function tellUntold(engine: Engine, entry: Entry): void {
  const { spiI } = saIdOf(entry.sa);
  const untold = engine.negotiation.trace.untold.get(spiI);
  if (untold === undefined) return;
  engine.negotiation.trace.untold.delete(spiI);
  if (!isTraced(engine, entry.peerId, undefined)) return;
  for (const message of untold) write(engine, entry, message);
}

function tell(
  engine: Engine,
  entry: Entry | undefined,
  { spiI, detail, ...message }: TracedMessage & { readonly spiI: IkeSpi },
): void {
  const host = message.remote.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (isTraced(engine, entry?.peerId, host)) {
    const { trace: looking } = engine.negotiation;
    if (!looking.rate.take(engine.now)) {
      looking.notShown++;
      return;
    }
    write(engine, entry, { ...message, detail: `${detail()}${notShown(looking)}` });
    return;
  }
  if (entry?.peerId !== undefined) return;
  const untold = engine.negotiation.trace.untold.get(spiI) ?? [];
  if (untold.length < UNTOLD_MESSAGES_MAX) untold.push({ ...message, detail: detail() });
  engine.negotiation.trace.untold.set(spiI, untold);
  if (engine.negotiation.trace.untold.size <= UNTOLD_SAS_MAX) return;
  for (const oldest of engine.negotiation.trace.untold.keys())
    return void engine.negotiation.trace.untold.delete(oldest);
}

/** What the rate has left out since the last message that was shown. */
function notShown(looking: Trace): string {
  const { notShown: count } = looking;
  looking.notShown = 0;
  return count === 0 ? "" : ` (${count} messages before it are not shown)`;
}

function isTraced(
  { negotiation }: Engine,
  peerId: string | undefined,
  host: string | undefined,
): boolean {
  const { traced } = negotiation.trace;
  if (peerId !== undefined && traced.has(traceKey(peerId))) return true;
  return host !== undefined && traced.has(host);
}

function write(engine: Engine, entry: Entry | undefined, message: UntoldMessage): void {
  const { step, detail, remote } = message;
  journal(engine, entry && aboutOf(entry), {
    level: "debug",
    step,
    outcome: "note",
    reason: "message",
    detail,
    remote,
  });
}

function stepOf(exchange: string): JournalStep {
  return exchange === "IKE_AUTH" || exchange === "CREATE_CHILD_SA" ? exchange : "INFORMATIONAL";
}

function remoteOf({ remote }: Path): string {
  return formatEndpoint(remote);
}

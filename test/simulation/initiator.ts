/** A small IKEv2 initiator: the remote site of tests and benchmarks. Events in, outputs out. */

import { assert } from "../../src/octets/assert.ts";
import { asInstant, type Instant } from "../../src/octets/instant.ts";
import { type IkeHeader, type IkeSpi, parseHeader } from "../../src/wire/header.ts";
import { onAuthResponse, onInitResponse, startInit } from "./site-connect.ts";
import { send } from "./site-draw.ts";
import { onRequest, onResponse, sendNext } from "./site-exchanges.ts";
import type {
  Ask,
  Flight,
  Session,
  Site,
  SiteOutput,
  SiteSettings,
  SiteSources,
} from "./site-state.ts";

/** Copies of a request before the site gives up; the waits are those of the concentrator. */
const ATTEMPTS_MAX = 6;
const RETRANSMIT_BACKOFF = 1.8;

/** A site that is not connected. */
export function createSite(settings: SiteSettings, sources: SiteSources): Site {
  return {
    settings,
    sources,
    now: asInstant(0),
    path: settings.path,
    negotiation: undefined,
    sessions: new Map(),
    out: [],
  };
}

/** Starts a negotiation; previous SAs are forgotten without a Delete. */
export function connect(site: Site, now: Instant): readonly SiteOutput[] {
  site.now = now;
  site.sessions.clear();
  site.path = site.settings.path;
  startInit(site);
  return taken(site);
}

/** Requests an exchange on the newest IKE SA; it waits while another one is under way. */
export function ask(site: Site, what: Ask, now: Instant): readonly SiteOutput[] {
  site.now = now;
  const session = currentSession(site);
  if (session === undefined) return [];
  session.queue.push(what);
  sendNext(site, session);
  return taken(site);
}

/** A datagram has arrived. */
export function receive(site: Site, octets: Uint8Array, now: Instant): readonly SiteOutput[] {
  site.now = now;
  const header = parseHeader(octets);
  if (header.ok) onMessage(site, header.value, octets);
  return taken(site);
}

/** Time has passed: repeats unanswered requests, or gives up. */
export function tick(site: Site, now: Instant): readonly SiteOutput[] {
  site.now = now;
  const { negotiation } = site;
  if (negotiation !== undefined && negotiation.flight.retransmitAt <= now) {
    if (!retransmit(site, negotiation.flight)) endSite(site, `${negotiation.phase}: no answer`);
  }
  for (const session of [...site.sessions.values()]) tickSession(site, session);
  return taken(site);
}

/** When to call {@link tick} next. */
export function siteDeadline(site: Site): Instant | undefined {
  let next = site.negotiation?.flight.retransmitAt;
  for (const { inFlight } of site.sessions.values()) {
    if (inFlight === undefined) continue;
    if (next === undefined || inFlight.retransmitAt < next) next = inFlight.retransmitAt;
  }
  return next;
}

/** The newest IKE SA, which is the one in use. */
export function currentSession(site: Site): Session | undefined {
  let newest: Session | undefined;
  for (const session of site.sessions.values()) if (!session.isReplaced) newest = session;
  return newest;
}

/** Loses everything without a Delete, as in a power cut. */
export function forgetAll(site: Site): void {
  site.sessions.clear();
  site.negotiation = undefined;
}

function onMessage(site: Site, header: IkeHeader, octets: Uint8Array): void {
  const { negotiation } = site;
  if (negotiation?.phase === "initiating" && header.spiI === negotiation.spiI) {
    return onInitResponse(site, negotiation, header, octets);
  }
  if (negotiation?.phase === "authenticating" && isOf(header, negotiation.secured.id)) {
    return onAuthResponse(site, negotiation, header, octets);
  }
  const session = site.sessions.get(header.spiI);
  if (session === undefined || !isOf(header, session.secured.id)) return;
  if (header.flags.response) onResponse(site, session, header, octets);
  else onRequest(site, session, header, octets);
}

function isOf(header: IkeHeader, id: { readonly spiI: IkeSpi; readonly spiR: IkeSpi }): boolean {
  return header.spiI === id.spiI && header.spiR === id.spiR && !header.flags.initiator;
}

function tickSession(site: Site, session: Session): void {
  const { inFlight } = session;
  if (inFlight === undefined || inFlight.retransmitAt > site.now) return;
  if (retransmit(site, inFlight)) return;
  if (session.isReplaced) site.sessions.delete(session.secured.id.spiI);
  else endSite(site, `${inFlight.pending.kind}: no answer`);
}

/** False if it has been sent often enough. */
function retransmit(site: Site, flight: Flight<unknown>): boolean {
  if (flight.attempts >= ATTEMPTS_MAX) return false;
  const wait = 1_000 * RETRANSMIT_BACKOFF ** flight.attempts;
  flight.attempts++;
  flight.retransmitAt = asInstant(site.now + wait);
  send(site, flight.octets);
  return true;
}

function endSite(site: Site, why: string): void {
  for (const session of site.sessions.values()) {
    for (const { spiIn } of session.children) {
      site.out.push({ kind: "child-down", spiIn, why });
    }
  }
  forgetAll(site);
  site.out.push({ kind: "ended", why });
}

function taken(site: Site): readonly SiteOutput[] {
  const { out } = site;
  assert(out.length < 1_000, "a site that never stops");
  site.out = [];
  return out;
}

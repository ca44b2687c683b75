/** A small IKEv1 initiator: a site of simulated worlds. Events in, outputs out. */

import { formatAddress } from "../../src/inet/address.ts";
import { AssertionError, assert } from "../../src/octets/assert.ts";
import { asInstant, type Instant } from "../../src/octets/instant.ts";
import { Writer } from "../../src/octets/writer.ts";
import { type IkeHeader, parseHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { type Caller, ikev1Caller } from "./ikev1-caller.ts";
import { aboutIsakmp } from "./ikev1-payloads.ts";
import { onInformational } from "./ikev1-site-informational.ts";
import { askQuick, onQuick } from "./ikev1-site-quick.ts";
import { deleteChildren, deleteSession, launch, repeat } from "./ikev1-site-send.ts";
import type {
  Ikev1Ask,
  Ikev1Session,
  Ikev1Settings,
  Ikev1Site,
  Phase1,
} from "./ikev1-site-state.ts";
import type { Prng } from "./prng.ts";
import type { SiteOutput } from "./site-state.ts";

/** A site that is not connected. */
export function createIkev1Site(settings: Ikev1Settings, prng: Prng): Ikev1Site {
  return {
    ...{ settings, prng, now: asInstant(0), path: settings.path },
    ...{ negotiation: undefined, sessions: [], children: [], out: [] },
  };
}

/** Starts Phase 1; previous SAs are forgotten without a Delete. */
export function connectIkev1(site: Ikev1Site, now: Instant): readonly SiteOutput[] {
  site.now = now;
  forgetIkev1(site);
  site.path = site.settings.path;
  startPhase1(site);
  return taken(site);
}

/** Phase 1 anew where Child SAs have outlived their ISAKMP SA. */
export function reconnectIkev1(site: Ikev1Site, now: Instant): readonly SiteOutput[] {
  site.now = now;
  startPhase1(site);
  return taken(site);
}

/** Requests something on the newest ISAKMP SA. */
export function askIkev1(site: Ikev1Site, what: Ikev1Ask, now: Instant): readonly SiteOutput[] {
  site.now = now;
  const session = currentIkev1(site);
  if (session !== undefined) begin(site, session, what);
  return taken(site);
}

/** A datagram has arrived. */
export function receiveIkev1(
  site: Ikev1Site,
  octets: Uint8Array,
  now: Instant,
): readonly SiteOutput[] {
  site.now = now;
  const header = parseHeader(octets);
  if (header.ok) whileAuthentic(() => onMessage(site, header.value, octets));
  return taken(site);
}

/** Time has passed: repeats unanswered messages, or gives up. */
export function tickIkev1(site: Ikev1Site, now: Instant): readonly SiteOutput[] {
  site.now = now;
  const { negotiation } = site;
  if (negotiation !== undefined && !repeat(site, negotiation.sent)) {
    site.negotiation = undefined;
    if (site.sessions.length === 0) site.out.push({ kind: "ended", why: "Phase 1: no answer" });
  }
  for (const session of [...site.sessions]) {
    for (const [messageId, asked] of session.asked) {
      if (repeat(site, asked.sent)) continue;
      session.asked.delete(messageId);
      // The concentrator does not know this ISAKMP SA, or is gone.
      drop(site, session, "Quick Mode: no answer");
    }
  }
  return taken(site);
}

/** When to call {@link tickIkev1} next. */
export function ikev1Deadline(site: Ikev1Site): Instant | undefined {
  const asked = site.sessions.flatMap((session) => [...session.asked.values()]);
  const all = [...asked.map(({ sent }) => sent.retransmitAt)];
  if (site.negotiation !== undefined) all.push(site.negotiation.sent.retransmitAt);
  return all.length === 0 ? undefined : asInstant(Math.min(...all));
}

/** The newest ISAKMP SA, which is the one in use. */
export function currentIkev1(site: Ikev1Site): Ikev1Session | undefined {
  return site.sessions.findLast(({ isReplaced }) => !isReplaced);
}

/** Loses everything without a Delete, as in a power cut. */
export function forgetIkev1(site: Ikev1Site): void {
  site.sessions = [];
  site.children = [];
  site.negotiation = undefined;
}

function begin(site: Ikev1Site, session: Ikev1Session, what: Ikev1Ask): void {
  const { caller } = session;
  switch (what.kind) {
    case "new-child":
      return askQuick(site, session, { replaces: undefined, pfs: what.pfs });
    case "rekey-child":
      return askQuick(site, session, { replaces: what.spiIn, pfs: what.pfs });
    case "delete-child":
      return deleteChildren(site, session, [what.spiIn]);
    case "rekey-ike":
      if (site.negotiation === undefined) startPhase1(site);
      return;
    case "delete-ike":
      return deleteSession(site, session);
    case "leave":
      deleteChildren(
        site,
        session,
        site.children.map(({ spiIn }) => spiIn),
      );
      for (const one of [...site.sessions]) deleteSession(site, one);
      return;
    case "liveness": {
      const data = new Writer(4).u32(site.prng.u32()).done();
      const question = aboutIsakmp(NotifyType.R_U_THERE, caller.cookies(), data);
      site.out.push({ kind: "send", octets: caller.inform([question]), path: site.path });
      return;
    }
  }
}

/** A message that is damaged, or is not what it should be, changes nothing. */
function whileAuthentic(work: () => void): void {
  try {
    work();
  } catch (fault) {
    if (!(fault instanceof AssertionError)) throw fault;
  }
}

function startPhase1(site: Ikev1Site): void {
  const { id, psk, path, mode, initialContact, checksProof, real } = site.settings;
  const seed = site.prng.u32();
  const isFirst = site.sessions.length === 0;
  const caller = ikev1Caller({
    ...{ id, psk, seed, checksProof, initialContact: initialContact && isFirst },
    inner: formatAddress(path.local.address),
    innerPort: path.local.port,
    called: formatAddress(path.remote.address),
    ...real,
  });
  const octets = mode === "Main Mode" ? caller.mainFirst() : caller.first();
  site.negotiation = { caller, mode, message: 1, sent: launch(site, octets) };
}

function onMessage(site: Ikev1Site, header: IkeHeader, octets: Uint8Array): void {
  const { negotiation } = site;
  if (negotiation?.caller.spiI === header.spiI) {
    return onPhase1(site, negotiation, header, octets);
  }
  const session = site.sessions.find(({ caller }) => caller.spiI === header.spiI);
  if (session === undefined) return;
  switch (header.exchangeType) {
    case ExchangeType.MAIN_MODE:
    case ExchangeType.AGGRESSIVE_MODE:
      // Our answer may have been lost.
      if (!Bun.deepEquals(octets, session.last.to)) return;
      site.out.push({ kind: "send", octets: session.last.octets, path: site.path });
      return;
    case ExchangeType.QUICK_MODE:
      return onQuick(site, session, header.messageId, octets);
    case ExchangeType.INFORMATIONAL:
      return onInformational(site, session, octets);
  }
}

function onPhase1(
  site: Ikev1Site,
  negotiation: Phase1,
  { exchangeType }: IkeHeader,
  octets: Uint8Array,
): void {
  const { caller, mode } = negotiation;
  if (exchangeType === ExchangeType.INFORMATIONAL) {
    // Anybody can send this: it is noted, and the site goes on waiting.
    site.out.push({ kind: "refused", asked: mode, notify: 0 });
    return;
  }
  if (mode === "Aggressive Mode") {
    const path = floated(site);
    const third = caller.third(octets, seenBy(path));
    site.path = path;
    site.out.push({ kind: "send", octets: third, path });
    return established(site, caller, { to: octets.slice(), octets: third });
  }
  switch (negotiation.message) {
    case 1: {
      const third = caller.mainThird(octets, seenBy(site.path));
      negotiation.message = 3;
      negotiation.sent = launch(site, third);
      return;
    }
    case 3: {
      const fifth = caller.mainFifth(octets);
      site.path = floated(site);
      negotiation.message = 5;
      negotiation.sent = launch(site, fifth);
      return;
    }
    case 5:
      caller.mainEnd(octets);
      return established(site, caller, { to: new Uint8Array(0), octets: new Uint8Array(0) });
  }
}

function established(site: Ikev1Site, caller: Caller, last: Ikev1Session["last"]): void {
  const session: Ikev1Session = {
    ...{ caller, last, isReplaced: false },
    ...{ asked: new Map(), granted: new Map(), thirds: new Map() },
  };
  site.negotiation = undefined;
  const former = currentIkev1(site);
  site.sessions.push(session);
  if (former === undefined) return askQuick(site, session, { replaces: undefined, pfs: false });
  former.isReplaced = true;
  if (site.settings.deletesReplaced) deleteSession(site, former);
}

/** Behind a NAT both ends change to port 4500 (RFC 3947 §4). */
function floated({ settings, path }: Ikev1Site): Ikev1Site["path"] {
  if (!settings.isNatted) return path;
  const { local, remote } = path;
  return { local: { ...local, port: 4_500 }, remote: { ...remote, port: 4_500 } };
}

function seenBy({ local, remote }: Ikev1Site["path"]): Ikev1Site["path"] {
  return { local: remote, remote: local };
}

/** One that is not answered is over, with all Child SAs if it is the last. */
function drop(site: Ikev1Site, session: Ikev1Session, why: string): void {
  site.sessions = site.sessions.filter((one) => one !== session);
  if (site.sessions.length > 0) return;
  for (const { spiIn } of site.children) site.out.push({ kind: "child-down", spiIn, why });
  site.children = [];
  site.out.push({ kind: "ended", why });
}

function taken(site: Ikev1Site): readonly SiteOutput[] {
  const { out } = site;
  assert(out.length < 1_000, "a site that never stops");
  site.out = [];
  return out;
}

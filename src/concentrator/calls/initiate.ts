/** Calls sites: for a packet, always, or on request (R12). */

import { matchConfigured } from "../../eroute/configured-match.ts";
import {
  type BaseEroute,
  type Eroute,
  type LocalUser,
  type NormalEroute,
  needsPsk,
} from "../../eroute/eroute.ts";
import { isWild, matchesPattern } from "../../eroute/pattern.ts";
import { asPeerId } from "../../eroute/peer-id.ts";
import { egroupNamed, erouteNamed, userNamed } from "../../eroute/plan-index.ts";
import { around } from "../../ike/jitter.ts";
import { type Address, formatAddress } from "../../inet/address.ts";
import { containsAddress, prefixOf } from "../../inet/prefix.ts";
import type { Reason } from "../../reason/reason.ts";
import type { XfrmAcquire } from "../../xfrm/event.ts";
import { isOurReqid } from "../../xfrm/request.ts";
import { ask } from "../ask.ts";
import { count, type Engine, inMs } from "../engine.ts";
import type { LookupId, LookupResult } from "../event.ts";
import { mayNote } from "../journal/stranger-notes.ts";
import { missingPpk, normalInUse } from "../sites/candidate.ts";
import { type ErouteInUse, erouteKey } from "../sites/eroute-in-use.ts";
import { erouteAt } from "../sites/eroutes.ts";
import { askForMissing, erouteTowards } from "../sites/reach.ts";
import {
  add,
  fail,
  forget,
  hold,
  isFull,
  noteFailure,
  release,
  rest,
  setStage,
  type Wish,
} from "./call-table.ts";
import { NO_ADDRESS, targetOfRows } from "./call-target.ts";
import type { CallId, CallReason, CallRedirect, CallUnderWay } from "./calls.ts";
import { aim, isUp, nextHost } from "./dial.ts";

/** An eroute with start = "always" that has lost its site calls it after so long. */
const RECALL_MS = 1_000;

/** While too many sites are being called, the next one is tried after so long. */
const TURN_MS = 2_000;

/** A packet wants to go where there is no SA (R12): its destination says whose site that is. */
export function onAcquire(engine: Engine, acquire: XfrmAcquire): void {
  if (!isOurReqid(acquire.reqid) || engine.shuttingDown) return;
  count(engine, "acquires");
  const { src, dst } = acquire.packet;
  const destination: Address = { family: dst.family, value: dst.value };
  const source: Address = { family: src.family, value: src.value };
  const base = erouteFor(engine, source, destination);
  if (base === undefined) {
    count(engine, "acquires_ignored");
    return;
  }
  // Outgoing packets find an eroute in use before its base.
  const inUse = erouteTowards(engine, base.name, destination);
  if (inUse !== undefined && askForMissing(engine, inUse, { source, destination })) return;
  if (base.kind === "normal") {
    callNormal(engine, base, "traffic");
    return;
  }
  const network = networkOf(engine, base, destination);
  if (network === undefined) {
    count(engine, "acquires_ignored");
    if (!mayNote(engine, `packets to ${base.name}`)) return;
    const detail =
      `a packet is for ${formatAddress(destination)}, but egroup ${base.egroup} has no ` +
      'remote_mask by which its row could be found: set it, or start = "never"';
    const about = { peerId: undefined, eroute: base.name };
    noteFailure(engine, about, { reason: "no-remote-mask", detail });
    return;
  }
  const key = `${base.name}\u0000net ${network}`;
  const by = { by: "network", network } as const;
  begin(engine, { base, key, why: "traffic", peerId: undefined, destination }, by);
}

/** An operator wants this site called (`erouted connect`). */
export function connect(engine: Engine, peerId: string): void {
  const match = matchConfigured(engine.plan, peerId);
  if (match.kind === "refused") {
    const detail = `no eroute's peerid matches ${peerId}, or it has no local user`;
    noteFailure(engine, { peerId, eroute: undefined }, { reason: match.reason, detail });
    return;
  }
  release(engine, erouteKey(match.eroute.name, peerId));
  if (match.kind === "local") callNormal(engine, match.eroute, "by-hand");
  else callBase(engine, { base: match.eroute, peerId }, "by-hand");
}

/** The site has to reauthenticate: it is called, and its IKE SA stays until then. */
export function reauthenticate(
  engine: Engine,
  { base, peerId }: ErouteInUse,
  why: "reauthentication" | "keys-refused",
): void {
  if (why === "keys-refused" && base.life.start === "never") return;
  if (base.kind !== "normal") return callBase(engine, { base, peerId }, why);
  // A site that only calls is no fault: it is asked to reauthenticate when its keys expire.
  if (why === "keys-refused" && base.peerip === undefined) return;
  callNormal(engine, base, why);
}

/** The site of an IKE SA that is up sends us elsewhere: it is called there. */
export function callRedirected(engine: Engine, eroute: ErouteInUse, redirect: CallRedirect): void {
  const { base, peerId } = eroute;
  if (base.kind === "normal") callNormal(engine, base, "redirect", { redirect });
  else callBase(engine, { base, peerId }, "redirect", redirect);
}

/** Eroutes with start = "always" that have no IKE SA: each is called. */
export function callAlways(engine: Engine): void {
  for (const base of engine.plan.eroutes) {
    if (base.kind === "normal" && base.life.start === "always") recallSoon(engine, base, 0);
  }
}

/** An eroute has lost its last IKE SA. With start = "always" it is called again. */
export function onErouteGone(engine: Engine, eroute: ErouteInUse, why: Reason): void {
  const { base } = eroute;
  if (base.kind !== "normal" || base.life.start !== "always" || engine.shuttingDown) return;
  if (why === "disconnected-by-hand") {
    hold(engine, eroute.key);
    return;
  }
  // It may be gone because the configuration has changed.
  const now = erouteNamed(engine.plan, base.name);
  if (now?.kind === "normal" && now.life.start === "always") recallSoon(engine, now, RECALL_MS);
}

/** The rows that a call waits for. */
export function onCallRows(
  engine: Engine,
  id: CallId,
  { lookup, result }: { readonly lookup: LookupId; readonly result: LookupResult },
): void {
  const call = engine.calls.byId.get(id);
  if (call === undefined) return;
  if (!result.ok) {
    count(engine, "lookups_failed");
    fail(engine, call, { reason: `database-${result.error.kind}`, detail: result.error.detail });
    return;
  }
  const target = targetOfRows(engine, call, lookup, result.value);
  if ("reason" in target && call.why === "keys-refused" && target.reason === "no-peer-address") {
    forget(engine, call);
  } else if ("reason" in target) fail(engine, call, target);
  else aim(engine, call, target);
}

/** Looks after calls whose time has come. */
export function runCalls(engine: Engine): void {
  const { calls } = engine;
  for (let due = calls.deadlines.takeDue(engine.now); due !== undefined; ) {
    const call = calls.byId.get(Number(due) as CallId);
    if (call !== undefined) onCallDeadline(engine, call);
    due = calls.deadlines.takeDue(engine.now);
  }
}

/** No more calls: everything goes. */
export function forgetCalls(engine: Engine): void {
  for (const call of [...engine.calls.byId.values()]) forget(engine, call);
}

function onCallDeadline(engine: Engine, call: CallUnderWay): void {
  const { stage } = call;
  switch (stage.kind) {
    case "look-up":
      engine.requests.giveUp("peer-rows", stage.lookup);
      fail(engine, call, {
        reason: "database-timeout",
        detail: "the look-up was not answered in time",
      });
      return;
    case "resolve": {
      engine.requests.giveUp("resolved", stage.resolve);
      nextHost(engine, call, stage.target, stage.host);
      return;
    }
    case "waiting": {
      const { base, why, failures } = call;
      forget(engine, call);
      if (why !== "always" || base.kind !== "normal") return;
      // The configuration may have changed.
      const now = erouteNamed(engine.plan, base.name);
      if (now?.kind === "normal" && now.life.start === "always") {
        callNormal(engine, now, "always", { failures });
      }
      return;
    }
    case "calling":
      return;
  }
}

/** Which eroute a packet without SA belongs to: the one with the narrowest subnet around it. */
function erouteFor(engine: Engine, src: Address, dst: Address): Eroute | undefined {
  let found: { readonly eroute: Eroute; readonly length: number } | undefined;
  for (const eroute of engine.plan.eroutes) {
    const { start, noSa } = eroute.life;
    if (start === "never" || noSa !== "initiate") continue;
    if (!eroute.localSubnets.some((subnet) => containsAddress(subnet, src))) continue;
    for (const subnet of eroute.remoteSubnets) {
      if (!containsAddress(subnet, dst) || subnet.length <= (found?.length ?? -1)) continue;
      found = { eroute, length: subnet.length };
    }
  }
  return found?.eroute;
}

/** The destination masked with the egroup's remote mask (R12). */
function networkOf(engine: Engine, base: BaseEroute, dst: Address): string | undefined {
  const egroup = egroupNamed(engine.plan, base.egroup);
  const length = dst.family === 4 ? egroup?.remoteMask.v4 : egroup?.remoteMask.v6;
  if (length === undefined) return undefined;
  const { family, value } = prefixOf(dst, length);
  return formatAddress({ family, value });
}

function callBase(
  engine: Engine,
  { base, peerId }: { readonly base: BaseEroute; readonly peerId: string },
  why: CallReason,
  redirect?: CallRedirect,
): void {
  const key = erouteKey(base.name, peerId);
  const by = { by: "peerid", peerid: peerId } as const;
  const wish = { base, key, why, peerId, destination: undefined };
  begin(engine, redirect === undefined ? wish : { ...wish, redirect }, by);
}

type More = { readonly failures?: number; readonly redirect?: CallRedirect };

function callNormal(engine: Engine, base: NormalEroute, why: CallReason, more: More = {}): void {
  const user = userOf(engine, base);
  const peerId = user?.name ?? base.peerid.text;
  const key = erouteKey(base.name, peerId);
  if (engine.calls.held.has(key) && why !== "by-hand") return;
  const hosts = [base.peerip, base.bakpeerip].filter((host) => host !== undefined);
  if (isUp(engine, key, why)) return;
  const { failures = 0, ...redirect } = more;
  const wish = { base, key, why, peerId, destination: undefined, ...redirect };
  const call = add(engine, wish, failures);
  if (call === undefined) return;
  if (why === "always" && isFull(engine)) {
    // It waits for its turn: that is no failure.
    rest(engine, { ...call, failures: failures - 1 }, around(TURN_MS, 0.5, engine.random));
    return;
  }
  if (user === undefined && needsPsk(base.auth)) {
    const detail = `no local user is called ${base.peerid.text}: its password is the key`;
    fail(engine, call, { reason: "eroute-without-user", detail });
  } else if (user === undefined && isWild(base.peerid)) {
    const detail = `eroute ${base.name}: the pattern ${peerId} does not name the site to call`;
    fail(engine, call, { reason: "peerid-is-pattern", detail });
  } else if (missingPpk(base, user) !== undefined) {
    fail(engine, call, { reason: "no-ppk", detail: missingPpk(base, user) ?? "" });
  } else if (hosts.length === 0) {
    fail(engine, call, NO_ADDRESS(`eroute ${base.name}`));
  } else {
    const eroute = normalInUse(engine, base, asPeerId(peerId));
    // Copies: what a call is given is wiped when it ends.
    const ppk = user?.ppk && { ...user.ppk, key: user.ppk.key.slice() };
    aim(engine, call, { eroute, psk: user?.psk.slice(), ppk, hosts });
  }
}

/** The local user that has the key; undefined also where certificates need none. */
function userOf({ plan }: Engine, { peerid }: NormalEroute): LocalUser | undefined {
  if (!isWild(peerid)) return userNamed(plan, peerid.text);
  return plan.users.find(({ name }) => matchesPattern(peerid, name));
}

function recallSoon(engine: Engine, base: NormalEroute, ms: number): void {
  const peerId = userOf(engine, base)?.name ?? base.peerid.text;
  const key = erouteKey(base.name, peerId);
  const { byKey, held } = engine.calls;
  if (byKey.has(key) || held.has(key) || erouteAt(engine, key) !== undefined) return;
  const wish = { base, key, why: "always", peerId, destination: undefined } as const;
  const call = add(engine, wish, 0);
  if (call !== undefined) rest(engine, call, ms);
}

/** Calls a site of a table: its row is read first. */
function begin(
  engine: Engine,
  wish: Wish & { readonly base: BaseEroute },
  by: { readonly by: "peerid"; readonly peerid: string } | { by: "network"; network: string },
): void {
  if (by.by === "peerid" && isUp(engine, wish.key, wish.why)) return;
  const call = add(engine, wish, 0);
  if (call === undefined) return;
  const { egroup } = wish.base;
  const waiter = { kind: "call-look-up", call: call.id } as const;
  const lookup = ask(engine, waiter, (number) => ({ kind: "look-up", lookup: number, egroup, by }));
  const until = inMs(engine, engine.plan.limits.lookupMs);
  setStage(engine, call, { kind: "look-up", lookup, until });
  count(engine, "lookups_started");
}

/** Following a redirect of a site that we have called, but not in circles (RFC 5685 §3, §7). */

import type { Stage } from "../../ike/facts.ts";
import { formatAddress } from "../../inet/address.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { count, type Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { aboutIkeSa, ikeSaAt } from "../sites/ike-sas.ts";
import type { SiteIkeSa } from "../sites/site-ike-sa.ts";
import { callOf, noteFailure } from "./call-table.ts";
import type { CallUnderWay } from "./calls.ts";
import { nextHost } from "./dial.ts";
import { callRedirected } from "./initiate.ts";

/** MAX_REDIRECTS and REDIRECT_LOOP_DETECT_PERIOD of the RFC. */
const REDIRECTS_MAX = 5;
const LOOP_MS = 300_000;

/** Sites whose redirects are counted at the same time; the oldest is forgotten first. */
const FOLLOWED_MAX = 4_096;

/** The IKE SA of a call has ended with the advice to call another gateway. */
export function onCallRedirected(engine: Engine, call: CallUnderWay, to: Gateway): void {
  if (call.stage.kind !== "calling" || engine.shuttingDown) return;
  const { target, host, spi } = call.stage;
  const ikeSa = ikeSaAt(engine, spi);
  if (ikeSa === undefined || !mayFollow(engine, ikeSa, target.eroute.key, to)) {
    nextHost(engine, call, target, host);
    return;
  }
  const from = ikeSa.stand.path.remote.address;
  call.redirect = { to: to.host, from: gatewayAt(from), leaves: call.redirect?.leaves };
  // If it does not answer, the site's own hosts remain.
  const hosts = [to.host, ...target.hosts.slice(host + 1)];
  nextHost(engine, call, { ...target, hosts }, -1);
}

/**
 * The site of an IKE SA that is up redirects us: that IKE SA stays until the new one is up (§5).
 */
export function onRedirected(engine: Engine, spi: IkeSpi, to: Gateway): void {
  const ikeSa = ikeSaAt(engine, spi);
  const eroute = ikeSa?.eroute;
  if (ikeSa === undefined || eroute === undefined) return;
  if (callOf(engine, eroute.key)?.why === "redirect") return;
  if (!mayFollow(engine, ikeSa, eroute.key, to)) return;
  const from = gatewayAt(ikeSa.stand.path.remote.address);
  callRedirected(engine, eroute, { to: to.host, from, leaves: spi });
}

function mayFollow(engine: Engine, ikeSa: SiteIkeSa, key: string, to: Gateway): boolean {
  const { followed } = engine.calls;
  const before = followed.get(key);
  const isFresh = before !== undefined && engine.now - before.since < LOOP_MS;
  const times = isFresh ? before.times + 1 : 1;
  if (times > REDIRECTS_MAX) {
    const { peerId, eroute, candidate } = ikeSa;
    const about = { peerId, eroute: eroute?.name ?? candidate?.name };
    const detail =
      `sent to ${to.host}, the ${times}th gateway within ${LOOP_MS / 60_000} minutes: ` +
      "redirects in a circle are not followed";
    noteFailure(engine, about, { reason: "redirect-loop", detail });
    return false;
  }
  followed.delete(key);
  followed.set(key, { since: isFresh ? before.since : engine.now, times });
  forgetOldest(engine);
  count(engine, "redirects_followed");
  journal(engine, aboutIkeSa(engine, ikeSa.spi), {
    level: "info",
    step: exchangeOf(ikeSa.stand.stage),
    outcome: "note",
    reason: "redirect-followed",
    detail: `the site sends us to ${to.host}: it is called there`,
  });
  return true;
}

/** In which exchange the site said it: in IKE_AUTH it makes only an IKE SA, to be deleted (§6). */
function exchangeOf(stage: Stage) {
  if (stage === "up" || stage === "replaced") return "INFORMATIONAL";
  return stage === "closing" ? "IKE_AUTH" : "IKE_SA_INIT";
}

/** Forgets also those whose time is over: they come first. */
function forgetOldest({ calls, now }: Engine): void {
  const { followed } = calls;
  for (const [key, { since }] of followed) {
    if (followed.size <= FOLLOWED_MAX && now - since < LOOP_MS) return;
    followed.delete(key);
  }
}

function gatewayAt(address: Gateway["address"] & object): Gateway {
  return { host: formatAddress(address), address };
}

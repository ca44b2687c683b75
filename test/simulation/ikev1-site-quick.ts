/** Quick Modes of an IKEv1 site in both roles (RFC 2409 §5.5). */

import { Ke } from "../../src/crypto/transform.ts";
import { deriveQuickModeKeys, type QuickModeInput } from "../../src/ike/v1/keys.ts";
import { chooseEsp } from "../../src/ike/v1/proposal.ts";
import { encapsulationMode } from "../../src/ike/v1/transform-numbers.ts";
import { assert } from "../../src/octets/assert.ts";
import type { Received } from "../../src/wire/v1/message.ts";
import { selectorOfId } from "../../src/wire/v1/traffic-id.ts";
import { find } from "./ikev1-payloads.ts";
import { deleteChildren, launch } from "./ikev1-site-send.ts";
import type { AskedQuick, GrantedQuick, Ikev1Session, Ikev1Site } from "./ikev1-site-state.ts";
import { IKEV1_ESP_SUITE } from "./ikev1-suites.ts";
import { selectorOf } from "./plan.ts";
import type { SiteChild } from "./site-state.ts";

/** Asks for a Child SA. */
export function askQuick(
  site: Ikev1Site,
  session: Ikev1Session,
  { replaces, pfs }: { readonly replaces: number | undefined; readonly pfs: boolean },
): void {
  const { own, remote, drawSpi } = site.settings;
  const spi = drawSpi();
  const quick = session.caller.quick({
    ...{ local: own, remote, pfs, mode: modeOf(site) },
    ...(spi === undefined ? {} : { spi }),
  });
  session.asked.set(quick.messageId, { quick, replaces, sent: launch(site, quick.octets) });
}

/** A message of one of them, or the first one of the concentrator's. */
export function onQuick(
  site: Ikev1Site,
  session: Ikev1Session,
  messageId: number,
  octets: Uint8Array,
): void {
  const asked = session.asked.get(messageId);
  if (asked !== undefined) return onAnswer(site, session, asked, octets);
  const third = session.thirds.get(messageId);
  if (third !== undefined) {
    site.out.push({ kind: "send", octets: third, path: site.path });
    return;
  }
  const granted = session.granted.get(messageId);
  if (granted === undefined) return grant(site, session, octets);
  if (Bun.deepEquals(octets, granted.request)) {
    site.out.push({ kind: "send", octets: granted.answer, path: site.path });
  } else if (!granted.isUp && granted.isRight(octets)) {
    granted.isUp = true;
    up(site, granted.child);
  }
}

function onAnswer(
  site: Ikev1Site,
  session: Ikev1Session,
  { quick, replaces }: AskedQuick,
  octets: Uint8Array,
): void {
  const { caller } = session;
  const payloads = caller.granted(quick, octets);
  const child = childOf(site, session, quick, payloads);
  const third = caller.quickThird(quick);
  session.asked.delete(quick.messageId);
  session.thirds.set(quick.messageId, third);
  site.out.push({ kind: "send", octets: third, path: site.path });
  up(site, child);
  if (replaces === undefined || !site.settings.deletesReplaced) return;
  deleteChildren(site, session, [replaces]);
}

function up(site: Ikev1Site, child: SiteChild): void {
  site.children.push(child);
  site.out.push({ kind: "child-up", child });
}

function childOf(
  site: Ikev1Site,
  { caller }: Ikev1Session,
  { Ni, Nr, spi: spiIn }: AskedQuick["quick"],
  payloads: readonly Received[],
): SiteChild {
  const ke = payloads.find(({ kind }) => kind === "KE");
  const gxr = ke?.kind === "KE" ? ke.data.slice() : undefined;
  const chosen = chooseEsp(find(payloads, "SA"), {
    ...{ suites: [IKEV1_ESP_SUITE], encapsulations: [modeOf(site)], isSha256Short: false },
    keOctets: gxr?.length,
  });
  assert(chosen.ok, "the answer is what was offered");
  const { algorithms, spi: spiOut } = chosen.value;
  assert((algorithms.ke === Ke.NONE) === (gxr === undefined), "a group, and its value");
  const { isakmp, sharedSecret } = caller.phase2(gxr, "initiator");
  const input: QuickModeInput = { Ni, Nr, spiI: spiIn, spiR: spiOut, sharedSecret };
  const { own, remote } = site.settings;
  return {
    ...{ spiIn, spiOut, algorithms, keys: deriveQuickModeKeys(isakmp, algorithms, input) },
    ...{ tsI: [selectorOf(own)], tsR: [selectorOf(remote)] },
  };
}

/** The concentrator asks: what it wants has to be the site's own. */
function grant(site: Ikev1Site, session: Ikev1Session, octets: Uint8Array): void {
  const { caller, granted } = session;
  const request = octets.slice();
  const { answer, messageId, isRight, grant: made } = caller.grant(octets, modeOf(site));
  const { nonces, esp, spiIn, spiOut, peerPublic, ids } = made;
  const [theirs, ours] = ids.map(selectorOfId);
  const { own, remote } = site.settings;
  const wanted = [selectorOf(remote), selectorOf(own)];
  assert(Bun.deepEquals([theirs, ours], wanted), "the subnets are those of the site");
  const { isakmp, sharedSecret } = caller.phase2(peerPublic, "responder");
  const input: QuickModeInput = { ...nonces, spiI: spiOut, spiR: spiIn, sharedSecret };
  const keys = deriveQuickModeKeys(isakmp, esp, input);
  // Named by who sends: here the concentrator has begun.
  const child: SiteChild = {
    ...{ spiIn, spiOut, algorithms: esp },
    keys: { initiator: keys.responder, responder: keys.initiator },
    ...{ tsI: [selectorOf(own)], tsR: [selectorOf(remote)] },
  };
  const one: GrantedQuick = { request, answer, child, isRight, isUp: false };
  granted.set(messageId, one);
  site.out.push({ kind: "send", octets: answer, path: site.path });
}

function modeOf({ settings }: Ikev1Site): number {
  return encapsulationMode("tunnel", settings.isNatted ? "rfc" : "none");
}

/** What IKE_SA_INIT offers before the site is known: that of all eroutes together. */

import type { Suite } from "../../crypto/suite.ts";
import { allowsVersion, type EroutePlan } from "../../eroute/eroute.ts";
import { findsPpks } from "../../eroute/ppk-index.ts";
import { concat } from "../../octets/concat.ts";
import { toHex } from "../../octets/hex.ts";
import type { Engine } from "../engine.ts";
import type { Offer } from "./negotiation.ts";

/** What a plan has to offer. */
export function offerOf(plan: EroutePlan): Offer {
  const { eroutes } = plan;
  return {
    suites: allIkeSuites(plan),
    ikev1Signed: signedSuites(plan),
    certReq: allAuthorities(plan),
    acceptsPsk: eroutes.some(({ auth }) => auth.peer.kind !== "certificate"),
    allowsIkev1: eroutes.some((eroute) => allowsVersion(eroute, 1)),
    withPpk: eroutes.some(({ ppk }) => ppk !== "off"),
    withIntermediatePpk: findsPpks(plan),
    withFragments: eroutes.some(({ life }) => life.fragmentation),
  };
}

/** From now on this is offered. */
export function offer({ negotiation }: Engine, next: Offer): void {
  negotiation.suites = next.suites;
  negotiation.ikev1Signed = next.ikev1Signed;
  negotiation.certReq = next.certReq;
  negotiation.acceptsPsk = next.acceptsPsk;
  negotiation.allowsIkev1 = next.allowsIkev1;
  negotiation.withPpk = next.withPpk;
  negotiation.withIntermediatePpk = next.withIntermediatePpk;
  negotiation.withFragments = next.withFragments;
}

/** Every suite of every eroute once, in order of configuration. */
function allIkeSuites(plan: EroutePlan): readonly Suite[] {
  const suites = new Map<string, Suite>();
  for (const eroute of plan.eroutes) {
    if (!allowsVersion(eroute, 2)) continue;
    for (const suite of eroute.ike) suites.set(JSON.stringify(suite), suite);
  }
  return [...suites.values()];
}

/** What IKEv1 accepts with signatures: suites of eroutes whose ends both have certificates. */
function signedSuites(plan: EroutePlan): readonly Suite[] {
  const suites = new Map<string, Suite>();
  for (const { auth, versions } of plan.eroutes) {
    if (auth.own.kind !== "signature" || auth.peer.kind === "psk") continue;
    for (const suite of versions.v1?.ike ?? []) suites.set(JSON.stringify(suite), suite);
  }
  return [...suites.values()];
}

/** Authorities of all eroutes for CERTREQ, as many as an unfragmented IKE_SA_INIT has room for. */
function allAuthorities(plan: EroutePlan): Uint8Array | undefined {
  const all = new Map<string, Uint8Array>();
  for (const { auth } of plan.eroutes) {
    if (auth.peer.kind === "psk") continue;
    const { keyIds } = auth.peer.anchors;
    for (let at = 0; at < keyIds.length && all.size < AUTHORITIES_MAX; at += KEY_ID_OCTETS) {
      const keyId = keyIds.subarray(at, at + KEY_ID_OCTETS);
      all.set(toHex(keyId), keyId);
    }
  }
  return all.size === 0 ? undefined : concat(...all.values());
}

/** CERTREQ is a hint (RFC 7296 §3.7): sites also send certificates of authorities left out. */
const AUTHORITIES_MAX = 16;
const KEY_ID_OCTETS = 20;

/** A site's Child SAs: made from an answer, removed (RFC 7296 §2.9, §2.17). */

import { espAlgorithmsOf } from "../../src/ike/algorithms.ts";
import { deriveEspKeys } from "../../src/ike/v2/keys.ts";
import type { Payload } from "../../src/wire/v2/message.ts";
import { chosenOf, numberOfSpi } from "./site-messages.ts";
import type { Session, Site, SiteChild } from "./site-state.ts";

/** What both ends have contributed to a Child SA. */
export type ChildInput = {
  readonly spiIn: number;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly sharedSecret: Uint8Array;
};

/** Makes a Child SA from an answer's SA, TSi and TSr; false if the answer has none. */
export function addChild(
  site: Site,
  session: Session,
  payloads: readonly Payload[],
  made: ChildInput,
): boolean {
  const chosen = chosenOf(payloads);
  const algorithms = chosen === undefined ? undefined : espAlgorithmsOf(chosen.choice);
  const tsI = payloads.find((p) => p.kind === "TSi");
  const tsR = payloads.find((p) => p.kind === "TSr");
  if (chosen === undefined || algorithms === undefined) return false;
  if (tsI?.kind !== "TSi" || tsR?.kind !== "TSr") return false;
  const { algorithms: ike, keys } = session.secured;
  const child: SiteChild = {
    spiIn: made.spiIn,
    spiOut: numberOfSpi(chosen.spi),
    algorithms,
    keys: deriveEspKeys({ prf: ike.prf, SK_d: keys.SK_d }, algorithms, made),
    tsI: tsI.selectors,
    tsR: tsR.selectors,
  };
  session.children.push(child);
  site.out.push({ kind: "child-up", child });
  return true;
}

/** Removes a Child SA, whichever IKE SA it belongs to now. */
export function removeChild(site: Site, spiIn: number, why: string): void {
  for (const session of site.sessions.values()) {
    const before = session.children.length;
    session.children = session.children.filter((child) => child.spiIn !== spiIn);
    if (session.children.length < before) site.out.push({ kind: "child-down", spiIn, why });
  }
}

/** All Child SAs of the site. */
export function siteChildren(site: Site): readonly SiteChild[] {
  return [...site.sessions.values()].flatMap((session) => session.children);
}

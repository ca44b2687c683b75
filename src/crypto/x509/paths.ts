/** Finds the chains from a peer's certificate to an authority, by name (RFC 5280 §6.1). */

import { equalOctets } from "../../octets/concat.ts";
import type { Certificate } from "./certificate.ts";

/** From a peer's own certificate to an authority. */
export type Path = readonly Certificate[];

/** Chains that are tried if several certificates have the same name. */
const PATHS_MAX = 4;
const DEPTH_MAX = 8;
/**
 * Beginnings of chains that are examined. Certificates that all have the same name can be put in
 * any order: a stranger who sends eight of them would cause some ten thousand to be examined.
 */
const STEPS_MAX = 64;

/** All chains by name, at most {@link PATHS_MAX}, shorter ones first; each ends with an anchor. */
export function pathsTo(
  anchors: readonly Certificate[],
  [own, ...others]: readonly Certificate[],
): readonly Path[] {
  if (own === undefined) return [];
  const found: Path[] = [];
  const issuersOf = issuers(anchors, others);
  const waiting: Path[] = [[own]];
  for (let step = 0; step < STEPS_MAX && found.length < PATHS_MAX; step++) {
    const path = waiting.shift();
    const last = path?.at(-1);
    if (path === undefined || last === undefined) break;
    const { trusted, sent } = issuersOf(last);
    for (const anchor of trusted) if (found.length < PATHS_MAX) found.push([...path, anchor]);
    if (path.length >= DEPTH_MAX) continue;
    for (const issuer of sent) {
      if (waiting.length < STEPS_MAX && !path.includes(issuer)) waiting.push([...path, issuer]);
    }
  }
  return found;
}

/** Names are compared once for each certificate, however many chains it is part of. */
function issuers(anchors: readonly Certificate[], others: readonly Certificate[]) {
  const known = new Map<Certificate, { trusted: Path; sent: Path }>();
  return (certificate: Certificate): { trusted: Path; sent: Path } => {
    let both = known.get(certificate);
    if (both === undefined) {
      const isIssuer = ({ subjectDer }: Certificate) =>
        equalOctets(subjectDer, certificate.issuerDer);
      both = { trusted: anchors.filter(isIssuer), sent: others.filter(isIssuer) };
      known.set(certificate, both);
    }
    return both;
  };
}

/** Builds the chain from a peer's certificate to a trusted authority (RFC 5280 §6, RFC 4945 §5). */

import { err, ok, type Result } from "../../octets/result.ts";
import type { SignatureFault } from "../signature.ts";
import type { Certificate } from "./certificate.ts";
import { type Path, pathsTo } from "./paths.ts";
import { formatTime } from "./time.ts";
import { isSignedBy } from "./verify.ts";

/** Smaller RSA keys are refused; larger ones only cost time, which strangers could waste. */
export const RSA_BITS_MIN = 2_048;
export const RSA_BITS_MAX = 8_192;

/**
 * The authority at the end of the chain, or why there is none. `sent` begins with the peer's own
 * certificate. Names are compared first, and signatures are checked from the top down: a peer
 * without a certificate of an authority here costs one check with a key of ours, not of its own.
 */
export function anchorOf(
  sent: readonly Certificate[],
  anchors: readonly Certificate[],
  wallMs: number,
): Result<Certificate, SignatureFault> {
  const [own] = sent;
  if (own === undefined) {
    return err({ kind: "certificate-missing", detail: "the site signs, but sent no certificate" });
  }
  const unfit = ownFault(own) ?? commonFault(own, wallMs);
  if (unfit !== undefined) return err(unfit);
  let fault: SignatureFault = unknownIssuer(sent, anchors);
  for (const path of pathsTo(anchors, sent)) {
    const wrong = pathFault(path, wallMs);
    const anchor = path.at(-1);
    if (wrong === undefined && anchor !== undefined) return ok(anchor);
    fault = wrong ?? fault;
  }
  return err(fault);
}

/** What is wrong with any certificate, whoever holds it. */
export function commonFault(certificate: Certificate, wallMs: number): SignatureFault | undefined {
  const { notBeforeMs, notAfterMs, key, extensions, subject } = certificate;
  if (wallMs > notAfterMs) {
    const until = formatTime(notAfterMs);
    const detail = `the certificate of ${subject} has expired: valid until ${until}`;
    return { kind: "certificate-expired", detail };
  }
  if (wallMs < notBeforeMs) {
    const detail =
      `the certificate of ${subject} is not valid before ${formatTime(notBeforeMs)}, ` +
      `and this host's clock says ${formatTime(wallMs)}`;
    return { kind: "certificate-not-yet-valid", detail };
  }
  const [critical] = extensions.unknownCritical;
  if (critical !== undefined) return unfit(subject, `has the critical extension ${critical}`);
  if (key.kind === "unknown") return unfit(subject, `has a key of ${key.name}`);
  if (key.kind === "rsa" && (key.bits < RSA_BITS_MIN || key.bits > RSA_BITS_MAX)) {
    const wanted = `${RSA_BITS_MIN} to ${RSA_BITS_MAX} are accepted`;
    return unfit(subject, `has an RSA key of ${key.bits} bits: ${wanted}`);
  }
  return undefined;
}

function ownFault({ extensions, subject }: Certificate): SignatureFault | undefined {
  if (extensions.isCa) return unfit(subject, "is for an authority, not for a site");
  if (extensions.keyUsage?.digitalSignature !== false) return undefined;
  return unfit(subject, "has a keyUsage without digitalSignature");
}

/**
 * Why the holder of a certificate may not issue others; `below`: number of CA certificates under
 * it.
 */
function issuerFault(certificate: Certificate, below: number): SignatureFault | undefined {
  const { isCa, keyUsage, pathLengthMax } = certificate.extensions;
  const { subject } = certificate;
  if (!isCa) return unfit(subject, "is not for an authority (basicConstraints)");
  if (keyUsage?.keyCertSign === false) return unfit(subject, "has a keyUsage without keyCertSign");
  if (pathLengthMax === undefined || below <= pathLengthMax) return undefined;
  return unfit(subject, `allows ${pathLengthMax} authorities below it, but there are ${below}`);
}

/** From the anchor down to the peer's own certificate. */
function pathFault(path: Path, wallMs: number): SignatureFault | undefined {
  for (let at = path.length - 1; at > 0; at--) {
    const [issuer, below] = [path[at], path[at - 1]];
    if (issuer === undefined || below === undefined) return undefined;
    const fault =
      commonFault(issuer, wallMs) ?? issuerFault(issuer, at - 1) ?? signatureFault(below, issuer);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function signatureFault(below: Certificate, issuer: Certificate): SignatureFault | undefined {
  const { signedWith, tbs, signature, subject } = below;
  if (signedWith.kind === "refused") return unfit(subject, `is signed with ${signedWith.name}`);
  const { algorithm } = signedWith;
  const signed = { algorithm, octets: tbs, signature, ecdsaForm: "der" } as const;
  if (isSignedBy(issuer, signed)) return undefined;
  const detail =
    `the certificate of ${subject} names ${issuer.subject} as its issuer, ` +
    "but is not signed with that key";
  return { kind: "issuer-unknown", detail };
}

function unknownIssuer(
  sent: readonly Certificate[],
  anchors: readonly Certificate[],
): SignatureFault {
  const [own] = sent;
  const issuers = new Set(sent.map(({ issuer }) => issuer));
  for (const { subject } of sent.slice(1)) issuers.delete(subject);
  return {
    kind: "issuer-unknown",
    detail: `the certificate of ${own?.subject} does not lead to an authority that is known here`,
    offered: [...issuers],
    wanted: anchors.map(({ subject }) => subject),
  };
}

function unfit(subject: string, what: string): SignatureFault {
  return { kind: "certificate-unfit", detail: `the certificate of ${subject} ${what}` };
}

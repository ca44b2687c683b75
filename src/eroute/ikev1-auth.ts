/** What IKEv1 demands of the two ends of an eroute (RFC 2409 §5). */

import type { Eroute } from "./eroute.ts";

/**
 * Why they cannot authenticate with IKEv1, whichever of them calls; undefined: they can. There is
 * one method for both: each has a certificate, or both have the same key.
 */
export function ikev1AuthFault({
  auth: { own, peer },
  versions: { v1 },
}: Pick<Eroute, "auth" | "versions">): string | undefined {
  if (own.kind === "psk") {
    return peer.kind === "certificate"
      ? `sites have certificates, and we have none${ONE}`
      : undefined;
  }
  if (peer.kind === "psk") return `we have a certificate, and sites have none${ONE}`;
  if (own.key.kind !== "rsa") return `signatures need an RSA key, and ours is ${own.key.kind}`;
  if (v1?.xauth === true) return "a user (XAUTH) comes after a pre-shared key, not a certificate";
  if (v1?.mode !== "aggressive") return undefined;
  return "certificates need Main Mode, and ikev1_mode allows Aggressive Mode only";
}

const ONE = ": it has one method for both ends";

/** Whether the kernel supports ESP: found out by installing states that are never used. */

import { type Address, type Family, parseAddress } from "../inet/address.ts";
import { asEspSpi } from "../inet/esp-spi.ts";
import { assert } from "../octets/assert.ts";
import {
  type KernelResult,
  REQID_MARK,
  type XfrmRefusal,
  type XfrmRequest,
} from "../xfrm/request.ts";
import type { XfrmProtection, XfrmState } from "../xfrm/state.ts";

/** Why ESP does not work here, and what would help. */
export type KernelUnavailable = {
  readonly kind: "kernel-unavailable";
  /** What was tried, and the result: never empty. */
  readonly detail: string;
  readonly errno: string;
  readonly advice: string;
};

/** Anything that takes XFRM requests. */
export type Performer = { perform(request: XfrmRequest): KernelResult };

/** Everything that is missing: address families without ESP, algorithms that do not work. */
export function espGaps(
  kernel: Performer,
  families: readonly Family[] = [4, 6],
): readonly KernelUnavailable[] {
  const gaps: KernelUnavailable[] = [];
  for (const family of families) {
    for (const { name, protection } of PROBES) {
      const gap = probe(kernel, family, protection);
      if (gap === undefined) continue;
      gaps.push(explain(gap, family, name));
      if (isFamilyWide(gap)) break; // other algorithms would fail in the same way
    }
  }
  return gaps;
}

type Probe = { readonly name: "AES-GCM-16" | "AES-CBC with SHA2-256"; protection: XfrmProtection };

const PROBES: readonly Probe[] = [
  {
    name: "AES-GCM-16",
    protection: {
      kind: "aead",
      aead: { name: "rfc4106(gcm(aes))", key: new Uint8Array(20), icvBits: 128 },
    },
  },
  {
    name: "AES-CBC with SHA2-256",
    protection: {
      kind: "crypt-auth",
      crypt: { name: "cbc(aes)", key: new Uint8Array(16) },
      auth: { name: "hmac(sha256)", key: new Uint8Array(32), truncBits: 128 },
    },
  },
];

const NO_LIMITS = {
  softSeconds: undefined,
  hardSeconds: undefined,
  softOctets: undefined,
  hardOctets: undefined,
  softPackets: undefined,
  hardPackets: undefined,
} as const;

/** Marked as ours: if erouted dies in between, the next start removes it. */
const PROBE_REQID = REQID_MARK * 0x100_0000;
const PROBE_SPI = asEspSpi(0x4552_5045);

function probe(
  kernel: Performer,
  family: Family,
  protection: XfrmProtection,
): XfrmRefusal | undefined {
  // Documentation addresses (RFC 5737, RFC 3849): no traffic can ever match.
  const src = known(family === 4 ? "192.0.2.1" : "2001:db8::1");
  const dst = known(family === 4 ? "192.0.2.2" : "2001:db8::2");
  const id = { src, dst, spi: PROBE_SPI };
  const state: XfrmState = {
    id,
    direction: "out",
    reqid: PROBE_REQID,
    mode: "tunnel",
    protection,
    encapsulation: undefined,
    replayWindow: 0,
    esn: false,
    lifetime: NO_LIMITS,
    outerHeader: { copyDscp: true, ecn: true, pathMtuDiscovery: true },
    selector: undefined,
    mark: undefined,
    ifId: undefined,
  };
  const installed = kernel.perform({ op: "new-state", state });
  if (!installed.ok && installed.error.errno !== "EEXIST") return installed.error;
  const removed = kernel.perform({ op: "delete-state", id });
  return removed.ok ? undefined : removed.error;
}

function known(text: string): Address {
  const address = parseAddress(text);
  assert(address !== undefined, `not an address: ${text}`);
  return address;
}

function isFamilyWide({ errno }: XfrmRefusal): boolean {
  return errno !== "ENOSYS" && errno !== "ENOENT";
}

function explain(
  { errno, detail }: XfrmRefusal,
  family: Family,
  algorithm: Probe["name"],
): KernelUnavailable {
  const tried = `ESP state over IPv${family} with ${algorithm}`;
  return {
    kind: "kernel-unavailable",
    detail: `${tried}: ${errno}, ${detail}`,
    errno,
    advice: advise(errno, family, algorithm),
  };
}

function advise(errno: string, family: Family, algorithm: Probe["name"]): string {
  switch (errno) {
    case "EPERM":
      return "erouted needs it in its network namespace: give it, or run as root";
    case "EPROTONOSUPPORT":
      return family === 4
        ? "the kernel option CONFIG_INET_ESP or the module esp4 is missing: modprobe esp4"
        : "the kernel option CONFIG_INET6_ESP or the module esp6 is missing: modprobe esp6";
    case "EAFNOSUPPORT":
      return `the kernel has no IPv${family}, or no XFRM for it (CONFIG_IPV6, module ipv6)`;
    case "ECONNREFUSED":
      return "the kernel option CONFIG_XFRM_USER or the module xfrm_user is missing";
    case "ENOSYS":
    case "ENOENT":
      return algorithm === "AES-GCM-16"
        ? "kernel modules are missing (CONFIG_CRYPTO_GCM, _SEQIV, _AES): modprobe -a gcm seqiv aes"
        : "kernel modules are missing (CONFIG_CRYPTO_AUTHENC): modprobe -a authenc echainiv";
    default:
      return "see the kernel's log (dmesg)";
  }
}

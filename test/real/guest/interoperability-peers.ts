/** How each software is configured for the table of interoperability, and asked for its version. */

import { OUR_ID } from "./erouted.ts";
import type { Interoperating } from "./interoperability.ts";
import { CONCENTRATOR, type Site } from "./laboratory.ts";
import { newerLibreswanMissing, startLibreswan } from "./libreswan.ts";
import { newerOpenikedMissing, openikedVersion, startOpeniked } from "./openiked.ts";
import { pskOf, startSite } from "./scenario.ts";
import { newerStrongSwanMissing, strongSwanProgram } from "./strongswan.ts";

/** erouted's defaults hold all of these but ML-KEM for ESP. */
const STRONGSWAN = {
  classical: { ike: "aes256gcm16-prfsha256-x25519", esp: "aes256gcm16-x25519" },
  hybrid: {
    ike: "aes256gcm16-prfsha256-x25519-ke1_mlkem768",
    esp: "aes256gcm16-x25519-ke1_mlkem768",
  },
} as const;

export function strongSwanTrials(peer: "strongswan" | "strongswan-newer"): Interoperating {
  const newer = peer === "strongswan-newer";
  const { hybrid, classical } = STRONGSWAN;
  return {
    peer,
    missing: newer ? newerStrongSwanMissing() : undefined,
    eroute: newer ? `esp = ${JSON.stringify([hybrid.esp, classical.esp])}` : "",
    isEarly: false,
    start: async (site, { keyExchange }) =>
      await startSite(site, { newer, ...STRONGSWAN[keyExchange] }),
    // Its log names no version at these levels; the program has it as a text of its own.
    version: async () => versionIn(await strongSwanProgram(newer), /\0(\d+\.\d+\.\d+)\0/),
  };
}

export function libreswanTrials(peer: "libreswan" | "libreswan-newer"): Interoperating {
  const newer = peer === "libreswan-newer";
  return {
    peer,
    missing: newer ? newerLibreswanMissing() : undefined,
    isEarly: true,
    start: async (site, { path }) =>
      await startLibreswan(site.host, {
        newer,
        ...endsOf(site),
        ike: "aes_gcm256-sha2_256-dh31",
        esp: "aes_gcm256",
        more: path === "NAT" ? ["encapsulation=auto"] : [],
      }),
    version: async (pluto) => versionIn(await pluto.log(), /Libreswan (?:Version )?v?(\d[\w.]*)/),
  };
}

export function openikedTrials(peer: "openiked" | "openiked-newer"): Interoperating {
  const newer = peer === "openiked-newer";
  return {
    peer,
    missing: newer ? newerOpenikedMissing() : undefined,
    isEarly: true,
    start: async (site, { caller }) =>
      await startOpeniked(site.host, {
        newer,
        ...endsOf(site),
        ike: "enc aes-256 prf hmac-sha2-256 auth hmac-sha2-256 group curve25519",
        // PF_KEY on Linux has no AEAD, and truncates SHA-256 to 96 bits.
        esp: "enc aes-256 auth hmac-sha2-512",
        // There is no command for a rekey.
        rekeyChildSeconds: 10,
        rekeyIkeSeconds: 20,
        called: caller === "erouted",
      }),
    version: async () => await openikedVersion(newer),
  };
}

function endsOf(site: Site) {
  return {
    localId: `site-${site.number}`,
    remoteId: OUR_ID,
    psk: pskOf(site.number),
    localAddress: site.address.v4,
    remoteAddress: CONCENTRATOR.v4,
    localSubnet: site.subnet.v4,
    remoteSubnet: "10.0.0.0/16",
  };
}

function versionIn(log: string, pattern: RegExp): string {
  return pattern.exec(log)?.[1] ?? "unknown";
}

/** Parts of the most expensive messages: lists and strings as long as a datagram allows. */

import { HASH_ALGORITHMS } from "../../src/crypto/signature.ts";
import { TransformType } from "../../src/crypto/transform.ts";
import { notify } from "../../src/ike/v2/notify.ts";
import { type Family, familyBits } from "../../src/inet/address.ts";
import { DerTag, emitDer, oidOctets } from "../../src/octets/der.ts";
import { Writer } from "../../src/octets/writer.ts";
import { type Identity, IdType } from "../../src/wire/identity.ts";
import type { TrafficSelector } from "../../src/wire/traffic-selector.ts";
import { type Payload, Protocol, type Transform } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import type { Caller } from "./caller.ts";
import { HOSTILE_CERTIFICATES } from "./hostile-certificates.ts";
import { GCM_ESP, selectorOf } from "./plan.ts";
import { espOffer, transformOf } from "./site-messages.ts";
import type { SiteSettings } from "./site-state.ts";

/** What fits into one datagram, beside headers. */
const OCTETS = 60_000;
/** A longer IKE_SA_INIT is not even read; this fits beside its own payloads. */
const INIT_OCTETS = 3_500;
/** The same for IKE_AUTH, before its sender has authenticated. */
const AUTH_OCTETS = 32_000;

export const random = (count: number) => new Uint8Array(count).fill(7);

export const vendor: Payload = { kind: "VENDOR", data: new Uint8Array(0) };
export const many = <T>(count: number, make: (i: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));
const nat = notify(NotifyType.NAT_DETECTION_SOURCE_IP, random(20));

/** Proposals of so many transforms each, none of which is acceptable. */
function proposals(protocol: number, count: number, transforms: number) {
  const spi = protocol === Protocol.ESP ? random(4) : new Uint8Array(0);
  const types = [TransformType.ENCR, TransformType.INTEG, TransformType.KE];
  const transform = (i: number): Transform =>
    transformOf(types[i % types.length] ?? 1, 1_000 + i, i % 3 === 0 ? 999 : undefined);
  return many(count, (i) => ({
    ...{ number: (i % 255) + 1, protocol, spi },
    transforms: many(transforms, transform),
  }));
}

export const INIT_PARTS: readonly (readonly [string, readonly Payload[]])[] = [
  ["empty vendor IDs", many(880, () => vendor)],
  [
    "payloads of unknown type",
    many(880, () => ({ kind: "OPAQUE", payloadType: 200, data: random(0) })),
  ],
  ["NAT_DETECTION notifies", many(120, () => nat)],
  ["nonces", many(170, () => ({ kind: "NONCE", data: random(16) }))],
  ["a long cookie", [notify(NotifyType.COOKIE, random(INIT_OCTETS))]],
  ["hash algorithms", [notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, hashes(INIT_OCTETS / 2))]],
  ["a long REDIRECTED_FROM", [notify(NotifyType.REDIRECTED_FROM, random(INIT_OCTETS))]],
  ["many small proposals", [{ kind: "SA", proposals: proposals(Protocol.IKE, 420, 0) }]],
  ["proposals of one transform", [{ kind: "SA", proposals: proposals(Protocol.IKE, 170, 1) }]],
  ["proposals of 255 transforms", [{ kind: "SA", proposals: proposals(Protocol.IKE, 1, 255) }]],
];

function hashes(count: number): Uint8Array {
  const w = new Writer(2 * count);
  for (let i = 0; i < count; i++) w.u16(HASH_ALGORITHMS[i % HASH_ALGORITHMS.length] ?? 0);
  return w.done();
}

export const IDENTITIES: readonly (readonly [string, Identity])[] = [
  ["a name of thousands of parts", dn(2_500, 1)],
  ["a name of one part with thousands of attributes", dn(1, 2_800)],
  ["a name as long as is looked at", dn(60, 1)],
  ["a long host name", { idType: IdType.FQDN, data: random(AUTH_OCTETS).fill(0x61) }],
  ["a long mail address", { idType: IdType.RFC822_ADDR, data: random(AUTH_OCTETS).fill(0x40) }],
  ["a long KEY_ID", { idType: IdType.KEY_ID, data: random(AUTH_OCTETS).fill(0x2c) }],
  ["a host name that looks like a name", { idType: IdType.FQDN, data: text("C=,".repeat(300)) }],
  ["an ID that nearly matches a pattern", { idType: IdType.FQDN, data: text("a".repeat(255)) }],
];

export function text(characters: string): Uint8Array {
  return new TextEncoder().encode(characters);
}

function dn(parts: number, attributes: number): Identity {
  const type = emitDer(DerTag.OID, oidOctets("2.5.4.3") ?? random(0));
  const attribute = emitDer(DerTag.SEQUENCE, type, emitDer(DerTag.UTF8_STRING, text("a")));
  const set = emitDer(DerTag.SET, ...many(attributes, () => attribute));
  const data = emitDer(DerTag.SEQUENCE, ...many(parts, () => set));
  return { idType: IdType.DER_ASN1_DN, data };
}

export const AUTH_SETTINGS: readonly (readonly [string, Partial<SiteSettings>])[] = [
  ["selectors that are crooked", { tsI: crooked(4, 255), tsR: crooked(4, 255) }],
  ["selectors that are crooked, IPv6", { tsI: crooked(6, 255), tsR: crooked(6, 255) }],
  [
    "attributes of a configuration",
    { configuration: { kind: "CP", cfgType: 1, attributes: many(7_800, (i) => cpAttribute(i)) } },
  ],
  ["ESP transforms", { esp: many(250, (i) => transformOf(TransformType.ENCR, 2_000 + i, 128)) }],
];

function cpAttribute(i: number) {
  return { type: [1, 8, 2, 3, 10, 13, 14, 15][i % 8] ?? 1, value: new Uint8Array(0) };
}

export const AUTH_PARTS: readonly (readonly [string, readonly Payload[]])[] = [
  ["certificate requests of one authority", many(1_200, () => request(random(20)))],
  ["a certificate request of many authorities", [request(random(AUTH_OCTETS - 20))]],
  ["certificates", many(6_000, () => ({ kind: "CERT", encoding: 4, data: random(0) }))],
  ["certificate requests", [{ kind: "CERTREQ", encoding: 4, authorities: random(AUTH_OCTETS) }]],
  ["notifies", many(3_900, (i) => notify(16_384 + (i % 60)))],
  ["a long PPK_IDENTITY", [notify(NotifyType.PPK_IDENTITY, random(AUTH_OCTETS))]],
  ["a long AUTH", [{ kind: "AUTH", method: 14, data: random(AUTH_OCTETS) }]],
];

function request(authorities: Uint8Array): Payload {
  return { kind: "CERTREQ", encoding: 4, authorities };
}

/** Ranges that are not subnets, each for another protocol, so that none covers another. */
function crooked(family: Family, count: number): readonly TrafficSelector[] {
  const last = (1n << BigInt(familyBits(family))) - 2n;
  return many(count, (i) => ({
    ...{ protocol: i + 1, startPort: 1, endPort: 65_534 },
    range: { family, first: 1n, last },
  }));
}

export function hosts(family: Family, count: number): readonly TrafficSelector[] {
  return many(count, (i) => selectorOf(family === 4 ? `10.0.${i}.1/32` : `fd00:${i}::1/128`));
}

const nonce: Payload = { kind: "NONCE", data: random(32) };
const esp = espOffer(GCM_ESP, 0x1234_5678, undefined);

function selectors(tsI: readonly TrafficSelector[], tsR: readonly TrafficSelector[]): Payload[] {
  const of = (kind: "TSi" | "TSr", list: readonly TrafficSelector[]): Payload => ({
    ...{ kind, selectors: list, unknown: 0 },
  });
  return [of("TSi", tsI), of("TSr", tsR)];
}

function child(tsI: readonly TrafficSelector[], tsR: readonly TrafficSelector[]): Payload[] {
  return [esp, nonce, ...selectors(tsI, tsR)];
}

export const all = [selectorOf("0.0.0.0/0")];

export const CHILDREN: readonly (readonly [string, readonly Payload[]])[] = [
  ["crooked selectors", child(crooked(4, 255), crooked(4, 255))],
  ["crooked selectors, IPv6", child(crooked(6, 255), crooked(6, 255))],
  ["hosts", child(hosts(4, 255), hosts(4, 255))],
  ["hosts, IPv6", child(hosts(6, 255), hosts(6, 255))],
  ["one side crooked", child(crooked(6, 255), [selectorOf("::/0")])],
  ["as many pairs as have room", child(hosts(4, 16), hosts(4, 16))],
  ["selectors that are refused", child(crooked(4, 255).map(opaque), crooked(6, 255).map(opaque))],
  [
    "proposals of 255 transforms",
    [{ kind: "SA", proposals: proposals(Protocol.ESP, 22, 255) }, nonce, ...selectors(all, all)],
  ],
  [
    "proposals of none",
    [{ kind: "SA", proposals: proposals(Protocol.ESP, 5_000, 0) }, nonce, ...selectors(all, all)],
  ],
  ["proposals of IKE", [{ kind: "SA", proposals: rekeyProposals() }, nonce]],
];

/** Beside the ID; the signature is judged by the certificates. */
export const AUTH_CERTIFICATES: readonly (readonly [string, readonly Payload[]])[] = [
  ...HOSTILE_CERTIFICATES.map(
    ([name, certificates]) => [`certificates: ${name}`, signedWith(certificates)] as const,
  ),
  ["more certificates than are read", signedWith(many(400, () => random(60)))],
];

function signedWith(certificates: readonly Uint8Array[]): readonly Payload[] {
  return [
    ...certificates.map((data): Payload => ({ kind: "CERT", encoding: 4, data })),
    { kind: "AUTH", method: 14, data: random(72) },
    ...[esp, ...selectors(all, all)],
  ];
}

function opaque(selector: TrafficSelector): TrafficSelector {
  return { ...selector, startPort: 65_535, endPort: 0 };
}

function rekeyProposals() {
  return proposals(Protocol.IKE, 22, 255).map((one) => ({ ...one, spi: random(8) }));
}

export type FromSite = (caller: Caller) => readonly Payload[];

export const INFORMATION: readonly (readonly [string, FromSite])[] = [
  ["a Delete of thousands of SPIs", () => [deletion(many(15_000, (i) => i + 1_000))]],
  [
    "Deletes that name one Child SA",
    (caller) => many(4_000, () => deletion(spisOf(caller).slice(0, 1))),
  ],
  ["a Delete of all Child SAs", (caller) => [deletion(spisOf(caller))]],
  ["a Delete of the IKE SA", () => [{ kind: "DELETE", protocol: Protocol.IKE, spis: [] }]],
  [
    "NAT_DETECTION notifies",
    () => [...many(2_000, () => nat), notify(NotifyType.UPDATE_SA_ADDRESSES)],
  ],
  ["a long COOKIE2", () => [notify(NotifyType.COOKIE2, random(OCTETS))]],
  ["a configuration", () => [{ kind: "CP", cfgType: 1, attributes: many(14_000, cpAttribute) }]],
  ["a long ID", () => [idOf(dn(4_500, 1))]],
];

function deletion(spis: readonly number[]): Payload {
  return { kind: "DELETE", protocol: Protocol.ESP, spis };
}

function spisOf(caller: Caller): readonly number[] {
  return caller.session().children.map(({ spiIn }) => spiIn);
}

function idOf(identity: Identity): Payload {
  const body = new Writer(identity.data.length + 4).u8(identity.idType).zeros(3);
  return { kind: "IDi", identity, body: body.octets(identity.data).done() };
}

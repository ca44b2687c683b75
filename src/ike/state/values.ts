/** Codecs for what all versions of IKE share: algorithms as numbers, instants as wall time. */

import { isakmpEncryptionFor, isakmpPrfFor } from "../../crypto/ikev1.ts";
import type { EncrTransform, Suite } from "../../crypto/suite.ts";
import { ADDKE_MAX } from "../../crypto/transform.ts";
import { type Address, type AddressRange, type Family, familyBits } from "../../inet/address.ts";
import type { Endpoint, Path } from "../../inet/endpoint.ts";
import { asEspSpi, type EspSpi } from "../../inet/esp-spi.ts";
import { type Prefix, prefixOf } from "../../inet/prefix.ts";
import type { Retransmission } from "../../inet/retransmission.ts";
import {
  bigU32,
  bool,
  byValue,
  type Codec,
  checked,
  constant,
  fraction,
  list,
  mapped,
  octets,
  omissible,
  oneOf,
  optional,
  record,
  text,
  u8,
  u16,
  u32,
  u48,
  u64,
  wallTime,
} from "../../octets/codec.ts";
import { asInstant, type Instant } from "../../octets/instant.ts";
import { shared, word } from "../../octets/shared-codec.ts";
import type { Gateway } from "../../wire/gateway.ts";
import { asIkeSpi, type IkeSpi } from "../../wire/header.ts";
import type { Identity } from "../../wire/identity.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import {
  type AdditionalKe,
  anyEspAlgorithmsOf,
  type EspAlgorithms,
  type IkeAlgorithms,
  ikeAlgorithmsOf,
  type TransformChoice,
} from "../algorithms.ts";
import type { ChildPolicy, ChildSa } from "../child-sa.ts";
import type { Method } from "../method.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { IkeSaSettings } from "../settings.ts";
import type { Struggle } from "../struggle.ts";
import type { Ticket } from "../ticket.ts";

/** An instant as wall time in whole milliseconds: each process has its own monotonic clock. */
export const instant: Codec<Instant> = checked(wallTime, asInstant);

/** A duration in whole milliseconds. */
const ms: Codec<number> = mapped(u48, { to: Math.round, from: (value: number) => value });

export const ikeSpi: Codec<IkeSpi> = checked(u64, asIkeSpi);
export const espSpi: Codec<EspSpi> = checked(u32, asEspSpi);

/** Only valid if the concentrator also takes over the requests that were under way. */
export const ticket: Codec<Ticket> = checked(u48, (number) => number as Ticket);

export const saId: Codec<SaId> = record<SaId>({
  spiI: ikeSpi,
  spiR: ikeSpi,
  role: oneOf(["initiator", "responder"]),
});

const KEY_OCTETS_MAX = 255;
const NONCE_MAX = 256;

/** A secret key. */
export const key: Codec<Uint8Array> = octets(KEY_OCTETS_MAX);
export const nonce: Codec<Uint8Array> = octets(NONCE_MAX);

/** A datagram, or the payloads of one. */
export const datagram: Codec<Uint8Array> = octets(65_535);
/** The datagrams of one message: a fragment number has 16 bits. */
export const datagrams: Codec<readonly Uint8Array[]> = list(datagram, 1_024);

const bigU128: Codec<bigint> = {
  write(to, value) {
    u64.write(to, value >> 64n);
    u64.write(to, value);
  },
  read: ({ r }) => (r.u64() << 64n) | r.u64(),
};

/** Something with addresses of one family. */
function byFamily<T extends { readonly family: Family }>(
  of: (family: Codec<Family>, value: Codec<bigint>) => Codec<T>,
): Codec<T> {
  return byValue<T, "family">("family", [
    [4, of(constant<Family>(4), bigU32)],
    [6, of(constant<Family>(6), bigU128)],
  ]);
}

export const address: Codec<Address> = byFamily((family, value) =>
  record<Address>({ family, value }),
);

const range: Codec<AddressRange> = checked(
  byFamily((family, value) => record<AddressRange>({ family, first: value, last: value })),
  (read, fail) => (read.first <= read.last ? read : fail("a range without addresses")),
);

export const prefix: Codec<Prefix> = checked(
  byFamily((family, value) => record<Prefix>({ family, value, length: u8 })),
  (read, fail) => {
    if (read.length > familyBits(read.family)) return fail("a subnet of too many bits");
    const whole = prefixOf(read, read.length);
    return whole.value === read.value ? whole : fail("a subnet with host bits");
  },
);
export const prefixes: Codec<readonly Prefix[]> = list(prefix, 65_535);

const endpoint = record<Endpoint>({ address, port: u16 });
export const path: Codec<Path> = shared(record<Path>({ local: endpoint, remote: endpoint }));
export const nat: Codec<Nat> = oneOf(["none", "local", "remote", "both"]);
export const identity: Codec<Identity> = record<Identity>({ idType: u8, data: octets(65_535) });
export const gateway: Codec<Gateway> = record<Gateway>({
  host: text(1_024),
  address: optional(address),
});

const selector = record<TrafficSelector>({
  protocol: u8,
  startPort: u16,
  endPort: u16,
  range,
});
export const selectors: Codec<readonly TrafficSelector[]> = list(selector, 4_096);

const encr = record<EncrTransform>({ id: u16, keyBits: optional(u16) });

export const choice: Codec<TransformChoice> = record<TransformChoice>({
  encr,
  integ: u16,
  prf: u16,
  ke: u16,
  esn: bool,
  additional: omissible(list(record<AdditionalKe>({ type: u8, ke: u16 }), ADDKE_MAX)),
});

/** A number that is unknown here was written by a build that knows it. */
export const ikeAlgorithms: Codec<IkeAlgorithms> = mapped(choice, {
  to: ({ encr, integ, prf, ke, additional }: IkeAlgorithms) => ({
    encr,
    integ: integ?.id ?? 0,
    prf: prf.id,
    ke,
    esn: false,
    ...(additional === undefined ? {} : { additional }),
  }),
  from: (written, fail) =>
    ikeAlgorithmsOf(written) ?? isakmpOf(written) ?? fail("an algorithm that is not built in"),
});

/** Algorithms of IKEv1, whose messages have no integrity of their own. */
function isakmpOf({ encr: { id, keyBits }, prf: prfId, ke }: TransformChoice) {
  const cipher = isakmpEncryptionFor(id, keyBits);
  const prf = isakmpPrfFor(prfId);
  if (cipher === undefined || prf === undefined) return undefined;
  return { encr: cipher, integ: undefined, prf, ke };
}

export const espAlgorithms: Codec<EspAlgorithms> = mapped(choice, {
  to: ({ encr, integ, ke, esn, additional }: EspAlgorithms) => ({
    encr,
    integ: integ?.id ?? 0,
    prf: 0,
    ke,
    esn,
    ...(additional === undefined ? {} : { additional }),
  }),
  from: (written, fail) => anyEspAlgorithmsOf(written) ?? fail("an algorithm that is not built in"),
});

const ids = list(u16, 255);
const suite = record<Suite>({
  encr: list(encr, 255),
  prf: ids,
  integ: ids,
  ke: ids,
  esn: list(bool, 255),
  additional: omissible(list(ids, ADDKE_MAX)),
});
const suites = word("suites", list(suite, 255));

/** Most of it is the same for all sites of an eroute. */
export const policy: Codec<ChildPolicy> = shared(
  record<ChildPolicy>({
    suites,
    ikeSuites: suites,
    local: word("selectors", selectors),
    remote: selectors,
    dns: word("addresses", list(address, 255)),
    transport: bool,
    lifetimeMs: ms,
    childSasMax: u32,
  }),
);

export const retransmission: Codec<Retransmission> = record<Retransmission>({
  firstMs: ms,
  backoff: fraction,
  attemptsMax: u16,
});

export const settings: Codec<IkeSaSettings> = word(
  "settings",
  record<IkeSaSettings>({
    livenessMs: optional(ms),
    inactivityMs: optional(ms),
    lifetimeMs: ms,
    reauthMs: optional(ms),
    mobike: bool,
    fragmentation: bool,
    fragmentSize: u32,
    followRedirect: bool,
    natPort: u16,
    natKeepaliveMs: ms,
    retransmission,
  }),
);

export const METHOD = { method: u16, alone: bool } as const;
export const method: Codec<Method> = record<Method>(METHOD);

export const struggle: Codec<Struggle> = record<Struggle>({ since: instant, rounds: u16 });
export const mode: Codec<ChildSa["mode"]> = oneOf(["tunnel", "transport"]);

/** The keys of ESP are not written: only the kernel has them. */
export const childSa: Codec<ChildSa> = shared(
  record<ChildSa>({
    spiIn: espSpi,
    spiOut: espSpi,
    algorithms: espAlgorithms,
    mode,
    local: selectors,
    remote: selectors,
    createdAt: instant,
    rekeyAt: optional(instant),
    replaces: optional(espSpi),
    redundantUntil: optional(instant),
    struggle: optional(struggle),
  }),
);

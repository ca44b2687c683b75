/**
 * An initiator of IKEv1 that sends what a test wants: made of the parsers and the key derivation,
 * and of nothing of the state machine.
 */

import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
  privateOctets,
} from "../../src/crypto/key-exchange.ts";
import type { SigningKey } from "../../src/crypto/signature.ts";
import { Ke } from "../../src/crypto/transform.ts";
import { decryptPayloads, phase1Iv } from "../../src/ike/v1/cipher.ts";
import {
  cookieOctets,
  deriveIsakmpKeys,
  hashI,
  hashR,
  pskSkeyid,
  signatureSkeyid,
} from "../../src/ike/v1/keys.ts";
import { natDHash } from "../../src/ike/v1/nat-d.ts";
import { chooseIsakmp, type espOffer, isakmpOffer } from "../../src/ike/v1/proposal.ts";
import { AuthMethod } from "../../src/ike/v1/transform-numbers.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import { assert } from "../../src/octets/assert.ts";
import { equalOctets } from "../../src/octets/concat.ts";
import { asIkeSpi, parseHeader } from "../../src/wire/header.ts";
import { type Identity, parseIdentity } from "../../src/wire/identity.ts";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import type { IdPayload, Payload, Received } from "../../src/wire/v1/message.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { emitMessage, emitPayloadBody, parsePayloads } from "../../src/wire/v1/payload-chain.ts";
import { type Vendor, vendorPayload } from "../../src/wire/v1/vendor-id.ts";
import { exchangesOf } from "./ikev1-caller-exchanges.ts";
import { type CallerState, securedBy } from "./ikev1-caller-secured.ts";
import { aboutIsakmp, find } from "./ikev1-payloads.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { endpointOf } from "./plan.ts";
import { createPrng } from "./prng.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";
import { TOY_ANCHORS, toySignature } from "./toy-signature.ts";

/** What is unusual about it; left out: nothing. */
export type CallerKnobs = {
  readonly psk?: string;
  /** It goes on with another key than the other end's: where it has one, HASH_R is not checked. */
  readonly checksProof?: boolean;
  readonly id?: string;
  /** Instead of `id`: of any type. */
  readonly identity?: Identity;
  /** The Diffie-Hellman group; left out: ECP-256. */
  readonly group?: number;
  /** What it accepts for IPsec SAs. */
  readonly espSuites?: Parameters<typeof espOffer>[0];
  readonly idProtocolPort?: readonly [number, number];
  readonly vendors?: readonly Vendor[];
  /** Payloads before and after those that matter. */
  readonly extra?: readonly Payload[];
  readonly thirdInClear?: boolean;
  readonly initialContact?: boolean;
  readonly suites?: Parameters<typeof isakmpOffer>[0];
  readonly lifetimeSeconds?: number;
  /** Its own address as it sees it, if a NAT changes it. */
  readonly inner?: string;
  readonly innerPort?: number;
  /** NAT-D payloads of both kinds in the third message. */
  readonly natDOfBoth?: boolean;
  readonly seed?: number;
  /** Its user authenticates with XAUTH as well. */
  readonly xauth?: boolean;
  /** Main Mode with signatures: its key and certificate, and the one that it shows instead. */
  readonly key?: SigningKey;
  readonly shown?: SigningKey;
  /** The address that it calls. */
  readonly called?: string;
  /** Who computes; left out: the toy. */
  readonly keyExchange?: (op: KeyExchangeRequest) => KeyExchangeResult;
};

export type Caller = ReturnType<typeof ikev1Caller>;

const ALL_VENDORS: readonly Vendor[] = ["dpd", "nat-t", "nat-t-draft-02-line-feed"];

/** The caller, and the path of its datagrams as the other end sees it. */
export function ikev1Caller(knobs: CallerKnobs = {}) {
  const prng = createPrng(knobs.seed ?? 77);
  const random = (count: number) => prng.octets(count);
  const spiI = asIkeSpi(new DataView(random(8).buffer).getBigUint64(0) | 1n);
  const own = endpointOf(knobs.inner ?? "192.0.2.1", knobs.innerPort ?? 500);
  const peer = endpointOf(knobs.called ?? "192.0.2.2", 500);
  const { group: ownGroup = Ke.ECP_256, keyExchange = toyKeyExchange } = knobs;
  const secret = random(knobs.keyExchange === undefined ? 64 : privateOctets(ownGroup));
  const suites = knobs.suites ?? [IKEV1_IKE_SUITE];
  const espSuites = knobs.espSuites ?? [IKEV1_ESP_SUITE];
  const { PRE_SHARED_KEY, RSA_SIGNATURES, XAUTH_INIT_PRE_SHARED } = AuthMethod;
  const keyMethod = knobs.xauth === true ? XAUTH_INIT_PRE_SHARED : PRE_SHARED_KEY;
  const { key, shown } = knobs;
  const authMethod = key === undefined ? keyMethod : RSA_SIGNATURES;
  const offer = isakmpOffer(suites, {
    authMethod,
    lifetime: { seconds: knobs.lifetimeSeconds ?? 3_600, kilobytes: undefined },
    group: ownGroup,
  });
  const offered = keyExchange({ op: "offer", method: ownGroup, random: secret.slice() });
  assert(offered.ok, "a public value");
  const gxi = offered.value.publicValue;
  const Ni = random(20);
  const [protocol, port] = knobs.idProtocolPort ?? [17, 500];
  const idI: IdPayload = {
    kind: "ID",
    identity: knobs.identity ?? parseIdentity(knobs.id ?? "site-1"),
    protocol,
    port,
  };
  const vendors = knobs.vendors ?? ALL_VENDORS;
  const clear = { encryption: false, commit: false, authenticationOnly: false };

  const state: CallerState = {
    ...{ spiR: asIkeSpi(0n), algorithms: undefined, keys: undefined },
    lastBlock: new Uint8Array(0),
  };
  const channel = securedBy(spiI, state);
  const { secured, seal } = channel;
  const exchanges = exchangesOf(
    { spiI, state, prng, espSuites, group: ownGroup, gxi, secret, keyExchange },
    channel,
  );

  const natDs = (path: Path, kind: "NAT_D" | "NAT_D_DRAFT"): readonly Payload[] => {
    const { algorithms } = secured();
    const cookies = { spiI, spiR: state.spiR };
    const ends = [{ ...peer, port: path.local.port }, own];
    return ends.map((end) => ({ kind, data: natDHash(algorithms.prf.hash, cookies, end) }));
  };

  return {
    ...exchanges,
    spiI,
    /** HDR, SA, KE, Ni, IDii */
    first(): Uint8Array {
      const head = {
        ...{ spiI, spiR: asIkeSpi(0n), exchangeType: ExchangeType.AGGRESSIVE_MODE },
        ...{ messageId: 0, flags: clear },
      };
      return emitMessage(head, [
        offer,
        ...(knobs.extra ?? []),
        { kind: "KE", data: gxi },
        { kind: "NONCE", data: Ni },
        idI,
        ...vendors.map(vendorPayload),
        ...(knobs.extra ?? []),
      ]);
    },
    /** Checks HASH_R; HDR*, HASH_I */
    third(second: Uint8Array, path: Path): Uint8Array {
      const header = parseHeader(second);
      assert(header.ok, "a header");
      state.spiR = header.value.spiR;
      const parsed = parsePayloads(header.value.nextPayload, second.subarray(28), "second");
      assert(parsed.ok, "payloads");
      const { payloads } = parsed.value;
      const sa = find(payloads, "SA");
      const gxr = find(payloads, "KE").data;
      const Nr = find(payloads, "NONCE").data;
      const idR = find(payloads, "ID");
      const authMethods = [authMethod];
      const chosen = chooseIsakmp(sa, { suites, authMethods, keOctets: gxr.length });
      assert(chosen.ok, "the answer is what was offered");
      const { algorithms } = chosen.value;
      const derived = keyExchange({
        ...{ op: "derive", method: ownGroup, random: secret.slice(), peerPublic: gxr },
      });
      assert(derived.ok, "a shared secret");
      const psk = new TextEncoder().encode(knobs.psk ?? "one key for both");
      const SKEYID = pskSkeyid(algorithms.prf, psk, { Ni, Nr });
      const cookies = { spiI, spiR: state.spiR };
      const { sharedSecret } = derived.value;
      state.algorithms = algorithms;
      state.keys = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });
      const transcript = { ...cookies, gxi, gxr, SAi_b: emitPayloadBody(offer) };
      const wanted = hashR(algorithms.prf, SKEYID, transcript, idR.body);
      const isRight = equalOctets(find(payloads, "HASH").data, wanted);
      const isTrusting = knobs.psk !== undefined && knobs.checksProof !== true;
      assert(isRight || isTrusting, "HASH_R is right");
      const HASH_I = hashI(algorithms.prf, SKEYID, transcript, emitPayloadBody(idI));
      const iv = phase1Iv(algorithms, gxi, gxr);
      const kinds = knobs.natDOfBoth === true ? (["NAT_D_DRAFT", "NAT_D"] as const) : ["NAT_D"];
      const content: readonly Payload[] = [
        { kind: "HASH", data: HASH_I },
        ...kinds.flatMap((kind) => natDs(path, kind as "NAT_D")),
        ...(knobs.initialContact === true ? [initialContact(cookies)] : []),
      ];
      if (knobs.thirdInClear === true) {
        state.lastBlock = iv;
        const exchangeType = ExchangeType.AGGRESSIVE_MODE;
        return emitMessage({ ...cookies, exchangeType, messageId: 0, flags: clear }, content);
      }
      const sealed = seal(ExchangeType.AGGRESSIVE_MODE, 0, iv, content);
      state.lastBlock = sealed.iv;
      return sealed.octets;
    },
    /** HDR, SA */
    mainFirst(): Uint8Array {
      const head = {
        ...{ spiI, spiR: asIkeSpi(0n), exchangeType: ExchangeType.MAIN_MODE },
        ...{ messageId: 0, flags: clear },
      };
      return emitMessage(head, [offer, ...vendors.map(vendorPayload)]);
    },
    /** HDR, KE, Ni */
    mainThird(second: Uint8Array, path: Path): Uint8Array {
      const { spiR, payloads } = readClear(second);
      state.spiR = spiR;
      const authMethods = [authMethod];
      const want = { suites, authMethods, keOctets: undefined };
      const chosen = chooseIsakmp(find(payloads, "SA"), want);
      assert(chosen.ok, "the answer is what was offered");
      state.algorithms = chosen.value.algorithms;
      const { prf } = chosen.value.algorithms;
      const cookies = { spiI, spiR };
      const ends = [{ ...peer, port: path.local.port }, own];
      const exchangeType = ExchangeType.MAIN_MODE;
      return emitMessage({ ...cookies, exchangeType, messageId: 0, flags: clear }, [
        { kind: "KE", data: gxi },
        { kind: "NONCE", data: Ni },
        ...ends.map((end) => ({ kind: "NAT_D", data: natDHash(prf.hash, cookies, end) }) as const),
      ]);
    },
    /** HDR*, IDii, HASH_I; and what the sixth message has to hold. */
    mainFifth(fourth: Uint8Array, inClear = false): Uint8Array {
      const { payloads } = readClear(fourth);
      const gxr = find(payloads, "KE").data;
      const Nr = find(payloads, "NONCE").data;
      const { algorithms } = state;
      assert(algorithms !== undefined, "chosen");
      const derived = keyExchange({
        ...{ op: "derive", method: ownGroup, random: secret.slice(), peerPublic: gxr },
      });
      assert(derived.ok, "a shared secret");
      const psk = new TextEncoder().encode(knobs.psk ?? "one key for both");
      const { sharedSecret } = derived.value;
      const SKEYID =
        key === undefined
          ? pskSkeyid(algorithms.prf, psk, { Ni, Nr })
          : signatureSkeyid(algorithms.prf, { Ni, Nr }, sharedSecret);
      const cookies = { spiI, spiR: state.spiR };
      state.keys = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });
      const transcript = { ...cookies, gxi, gxr, SAi_b: emitPayloadBody(offer) };
      state.hashOfPeer = (body) => hashR(algorithms.prf, SKEYID, transcript, body);
      const data = hashI(algorithms.prf, SKEYID, transcript, emitPayloadBody(idI));
      const content: readonly Payload[] = [
        idI,
        ...(key === undefined ? [{ kind: "HASH", data } as const] : signed(key, shown, data)),
        ...(knobs.initialContact === true ? [initialContact(cookies)] : []),
      ];
      const exchangeType = ExchangeType.MAIN_MODE;
      if (inClear) {
        return emitMessage({ ...cookies, exchangeType, messageId: 0, flags: clear }, content);
      }
      const sealed = seal(exchangeType, 0, phase1Iv(algorithms, gxi, gxr), content);
      state.lastBlock = sealed.iv;
      return sealed.octets;
    },
    /** Checks HASH_R of the sixth message. */
    mainEnd(sixth: Uint8Array): void {
      const { algorithms, keys } = secured();
      const body = sixth.subarray(28);
      const opened = decryptPayloads(algorithms, keys.cipherKey, state.lastBlock, body);
      assert(opened !== undefined, "whole blocks");
      const parsed = parsePayloads(5, opened.octets, "sixth");
      assert(parsed.ok, "payloads");
      const idR = find(parsed.value.payloads, "ID");
      const wanted = state.hashOfPeer?.(idR.body) ?? new Uint8Array(0);
      if (key !== undefined) assertSigned(parsed.value.payloads, wanted);
      else assert(equalOctets(find(parsed.value.payloads, "HASH").data, wanted), "HASH_R is right");
      state.lastBlock = opened.iv;
    },
    cookies: () => cookieOctets({ spiI, spiR: state.spiR }),
  };
}

/** A certificate, and a signature of the hash. */
function signed(
  key: SigningKey,
  shown: SigningKey | undefined,
  octets: Uint8Array,
): readonly Payload[] {
  const made = toySignature({ op: "sign", key, octets, hashes: undefined, isHash: true });
  assert(made.ok && made.value.op === "sign", "a signature");
  const data = (shown ?? key).certificates[0] ?? new Uint8Array(0);
  return [
    { kind: "CERT", encoding: 4, data },
    { kind: "SIG", data: made.value.signature },
  ];
}

function assertSigned(payloads: readonly Received[], octets: Uint8Array): void {
  const judged = toySignature({
    ...{ op: "verify", octets, method: 1, isHash: true, anchors: TOY_ANCHORS },
    signature: find(payloads, "SIG").data,
    certificates: [find(payloads, "CERT").data],
  });
  assert(judged.ok, "SIG_R is right");
}

/** A message that is not encrypted. */
function readClear(octets: Uint8Array) {
  const header = parseHeader(octets);
  assert(header.ok, "a header");
  const { spiR, nextPayload } = header.value;
  const parsed = parsePayloads(nextPayload, octets.subarray(28), "message");
  assert(parsed.ok, "payloads");
  return { spiR, payloads: parsed.value.payloads };
}

function initialContact(cookies: Parameters<typeof cookieOctets>[0]): Payload {
  return aboutIsakmp(NotifyType.INITIAL_CONTACT, cookieOctets(cookies));
}

/** The caller's exchanges under the keys of Phase 1: Quick Mode, Transaction, Informational. */

import type { KeyExchangeRequest, KeyExchangeResult } from "../../src/crypto/key-exchange.ts";
import { Ke } from "../../src/crypto/transform.ts";
import { decryptPayloads, exchangeIv } from "../../src/ike/v1/cipher.ts";
import { messageHash, quickModeHash3 } from "../../src/ike/v1/keys.ts";
import { answerOf, chooseEsp, espOffer } from "../../src/ike/v1/proposal.ts";
import { encapsulationMode } from "../../src/ike/v1/transform-numbers.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { assert } from "../../src/octets/assert.ts";
import { equalOctets } from "../../src/octets/concat.ts";
import type { IkeSpi } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import type { IdPayload, Payload, Received } from "../../src/wire/v1/message.ts";
import { emitMessage, emitPayloadOctets } from "../../src/wire/v1/payload-chain.ts";
import { idOfSelector } from "../../src/wire/v1/traffic-id.ts";
import type { CallerState, Secured } from "./ikev1-caller-secured.ts";
import { find } from "./ikev1-payloads.ts";
import { IKEV1_ESP_SUITE } from "./ikev1-suites.ts";
import { selectorOf } from "./plan.ts";
import type { Prng } from "./prng.ts";

export type QuickKnobs = {
  readonly local?: string;
  readonly remote?: string;
  readonly ids?: readonly IdPayload[];
  readonly pfs?: boolean;
  readonly mode?: number;
  readonly seconds?: number;
  readonly kilobytes?: number;
  readonly extra?: readonly Payload[];
  readonly messageId?: number;
  readonly spi?: number;
};

/** A Quick Mode that the caller has begun. */
export type CallerQuick = {
  readonly messageId: number;
  readonly octets: Uint8Array;
  readonly Ni: Uint8Array;
  readonly spi: number;
  iv: Uint8Array;
  Nr: Uint8Array;
};

/** Who the caller is, whose keys protect the exchanges. */
export type CallerOwn = {
  readonly spiI: IkeSpi;
  readonly state: CallerState;
  readonly prng: Prng;
  readonly espSuites: Parameters<typeof espOffer>[0];
  readonly group: number;
  readonly gxi: Uint8Array;
  readonly secret: Uint8Array;
  readonly keyExchange: (op: KeyExchangeRequest) => KeyExchangeResult;
};

export function exchangesOf(own: CallerOwn, { secured, seal, hashedOf, open }: Secured) {
  const { spiI, state, prng, espSuites, gxi, secret, keyExchange } = own;
  return {
    /** HDR*, HASH(1), SA, Ni, [KE], [IDci, IDcr] */
    quick(options: QuickKnobs = {}): CallerQuick {
      const messageId = options.messageId ?? prng.between(1, 0xffff_ffff);
      const spi = asEspSpi(options.spi ?? prng.between(256, 0xffff_ffff));
      const nonce = prng.octets(24);
      const { algorithms } = secured();
      const group = options.pfs === true ? Ke.ECP_256 : Ke.NONE;
      const sa = espOffer(espSuites, {
        ...{ spi, group },
        encapsulation: options.mode ?? encapsulationMode("tunnel", "none"),
        lifetime: { seconds: options.seconds ?? 1_800, kilobytes: options.kilobytes },
      });
      const ids = options.ids ?? [
        idOfSelector(selectorOf(options.local ?? "192.168.1.0/24")),
        idOfSelector(selectorOf(options.remote ?? "10.0.0.0/16")),
      ];
      const payloads: readonly Payload[] = [
        sa,
        { kind: "NONCE", data: nonce },
        ...(options.pfs === true ? [{ kind: "KE", data: gxi } as const] : []),
        ...ids,
        ...(options.extra ?? []),
      ];
      const begin = exchangeIv(algorithms, state.lastBlock, messageId);
      const hashed = hashedOf(messageId, payloads);
      const { octets, iv } = seal(ExchangeType.QUICK_MODE, messageId, begin, hashed);
      return { messageId, octets, Ni: nonce, spi, iv, Nr: new Uint8Array(0) };
    },
    /** Reads the second message of Quick Mode, whose HASH(2) has to be right. */
    granted(quick: CallerQuick, octets: Uint8Array): readonly Received[] {
      const opened = open(octets, quick.iv, quick.Ni);
      quick.iv = opened.iv;
      quick.Nr = find(opened.payloads, "NONCE").data.slice();
      return opened.payloads;
    },
    /** HDR*, HASH(3) */
    quickThird({ messageId, Ni: nonce, Nr, iv }: CallerQuick): Uint8Array {
      const { algorithms, keys } = secured();
      const nonces = { Ni: nonce, Nr };
      const data = quickModeHash3(algorithms.prf, keys.SKEYID_a, messageId, nonces);
      return seal(ExchangeType.QUICK_MODE, messageId, iv, [{ kind: "HASH", data }]).octets;
    },
    /** Grants a Quick Mode of the other end: HDR*, HASH(2), SA, Nr, [KE], [IDci, IDcr] */
    grant(octets: Uint8Array, mode = encapsulationMode("tunnel", "none")) {
      const opened = open(octets);
      const { messageId } = opened.header;
      const { algorithms, keys } = secured();
      const nonce = find(opened.payloads, "NONCE").data.slice();
      const ke = opened.payloads.find((one) => one.kind === "KE");
      const sa = find(opened.payloads, "SA");
      const chosen = chooseEsp(sa, {
        suites: [IKEV1_ESP_SUITE],
        encapsulations: [mode],
        keOctets: ke?.kind === "KE" ? ke.data.length : undefined,
        isSha256Short: false,
      });
      assert(chosen.ok, "a proposal that is acceptable");
      const Nr = prng.octets(28);
      const spi = asEspSpi(prng.between(256, 0xffff_ffff));
      const payloads: readonly Payload[] = [
        answerOf(chosen.value, spi),
        { kind: "NONCE", data: Nr },
        ...(ke === undefined ? [] : [{ kind: "KE", data: gxi } as const]),
        ...opened.payloads.filter(({ kind }) => kind === "ID"),
      ];
      const rest = emitPayloadOctets(payloads);
      const data = messageHash(algorithms.prf, keys.SKEYID_a, messageId, { Ni: nonce, rest });
      const hashed = [{ kind: "HASH", data } as const, ...payloads];
      const sealed = seal(ExchangeType.QUICK_MODE, messageId, opened.iv, hashed);
      const isRight = (third: Uint8Array): boolean => {
        const body = third.subarray(28);
        const plain = decryptPayloads(algorithms, keys.cipherKey, sealed.iv, body);
        const nonces = { Ni: nonce, Nr };
        const wanted = quickModeHash3(algorithms.prf, keys.SKEYID_a, messageId, nonces);
        return equalOctets(plain?.octets.subarray(4, 4 + wanted.length) ?? body, wanted);
      };
      const peerPublic = ke?.kind === "KE" ? ke.data.slice() : undefined;
      const { algorithms: esp, spi: spiOut } = chosen.value;
      const nonces = { Ni: nonce, Nr };
      const grant = { nonces, esp, spiIn: spi, spiOut, peerPublic, ids: idsIn(opened.payloads) };
      return { answer: sealed.octets, messageId, grant, isRight };
    },
    /** Answers a Transaction of the other end; `read` is what it asks. */
    answerTransaction(octets: Uint8Array, answer: Payload) {
      const opened = open(octets);
      const { messageId } = opened.header;
      const hashed = hashedOf(messageId, [answer]);
      const sealed = seal(ExchangeType.TRANSACTION, messageId, opened.iv, hashed);
      return { read: find(opened.payloads, "ATTRIBUTE"), octets: sealed.octets };
    },
    /** An Informational exchange with these payloads. */
    inform(payloads: readonly Payload[], messageId = prng.between(1, 0xffff_ffff)): Uint8Array {
      const iv = exchangeIv(secured().algorithms, state.lastBlock, messageId);
      const hashed = hashedOf(messageId, payloads);
      return seal(ExchangeType.INFORMATIONAL, messageId, iv, hashed).octets;
    },
    /** Any message of any exchange, encrypted; `isHashed`: with the right HASH before it. */
    say(
      exchangeType: number,
      messageId: number,
      all: readonly Payload[],
      { isHashed, iv: known }: { readonly isHashed: boolean; readonly iv?: Uint8Array },
    ) {
      const iv = known ?? exchangeIv(secured().algorithms, state.lastBlock, messageId);
      const payloads = isHashed || all.length === 0 ? hashedOf(messageId, all) : all;
      return seal(exchangeType, messageId, iv, payloads).octets;
    },
    /** A Transaction exchange with this payload. */
    transact(payload: Payload, messageId = prng.between(1, 0xffff_ffff)) {
      const iv = exchangeIv(secured().algorithms, state.lastBlock, messageId);
      return seal(ExchangeType.TRANSACTION, messageId, iv, hashedOf(messageId, [payload]));
    },
    /** The same without encryption and HASH. */
    informInClear(payloads: readonly Payload[]): Uint8Array {
      const exchangeType = ExchangeType.INFORMATIONAL;
      const head = { spiI, spiR: state.spiR, exchangeType, messageId: 99, flags: CLEAR };
      return emitMessage(head, payloads);
    },
    open,
    /** What a Child SA's keys are made of, beside nonces and SPIs. */
    phase2: (peerPublic: Uint8Array | undefined, role: "initiator" | "responder") => {
      const { algorithms, keys } = secured();
      const isakmp = { prf: algorithms.prf, SKEYID_d: keys.SKEYID_d };
      if (peerPublic === undefined) return { isakmp, sharedSecret: new Uint8Array(0) };
      const op = role === "initiator" ? "derive" : "respond";
      const derived = keyExchange({ op, method: own.group, random: secret.slice(), peerPublic });
      assert(derived.ok, "a shared secret");
      return { isakmp, sharedSecret: derived.value.sharedSecret };
    },
  };
}

const CLEAR = { encryption: false, commit: false, authenticationOnly: false };

/** Of a Quick Mode: the initiator's and the responder's. */
function idsIn(payloads: readonly Received[]): readonly Received<IdPayload>[] {
  return payloads.filter((one): one is Received<IdPayload> => one.kind === "ID");
}

/** CREATE_CHILD_SA that rekeys the IKE SA, as responder (RFC 7296 §1.3.2, §2.18). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import { later } from "../../octets/instant.ts";
import { Reader } from "../../octets/reader.ts";
import { wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import { asIkeSpi, type IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { ikeAlgorithmsText } from "../algorithms.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import { NONCE_OCTETS, REPLACED_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { localSpi, type SaId } from "../sa-id.ts";
import { additionalMethods } from "./additional.ts";
import { type AnswerTo, answer, okNote, refuse } from "./answer.ts";
import type { Asking } from "./asking.ts";
import { lowerNonce } from "./collision.ts";
import { successorOf } from "./established.ts";
import type { Established, Serving, Unfinished } from "./established-phase.ts";
import { neededPayload } from "./find-payload.ts";
import { deriveIkeKeys, keysAfterProof, rekeySkeyseed } from "./keys.ts";
import { type ChosenIke, chooseIke, chosenProposal, suitesWithPrfFirst } from "./proposal.ts";
import { replacedBy, takeOver } from "./rekey-collision.ts";
import type { Step } from "./step.ts";
import { awaitNext, linkNotify, withoutUnfinished } from "./unfinished.ts";

// Initiator                        Responder
// HDR, SK {SA, Ni, KEi} -->
//                             <--  HDR, SK {SA, Nr, KEr}

/** Chooses the algorithms of the new IKE SA and starts its key exchange. */
export function onRekeyIkeRequest(
  sa: Established,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const refuseWith = (refusal: Refusal) => refuse(sa, header, refusal, context);
  // Child SAs under negotiation would belong to neither IKE SA (§2.25.2).
  if (sa.asking !== undefined && !isYielding(sa.asking)) {
    return refuseWith({ kind: "temporary-failure", detail: "another exchange is under way" });
  }
  const offer = neededPayload(payloads, "SA", EXCHANGE);
  if (!offer.ok) return refuseWith(offer.error);
  const exchange = neededPayload(payloads, "KE", EXCHANGE);
  if (!exchange.ok) return refuseWith(exchange.error);
  const nonces = neededPayload(payloads, "NONCE", EXCHANGE);
  if (!nonces.ok) return refuseWith(nonces.error);
  const [ke, nonce] = [exchange.value, nonces.value];
  const suites = suitesWithPrfFirst(sa.policy.ikeSuites, sa.algorithms.prf.id);
  const chosen = chooseIke(offer.value.proposals, suites, {
    spiOctets: 8,
    sentKe: ke.method,
  });
  if (!chosen.ok) return refuseWith(chosen.error);
  const method = chosen.value.choice.ke;
  if (method !== ke.method) {
    const offered = transformName(TransformType.KE, ke.method, undefined);
    return refuseWith({ kind: "invalid-ke", offered, wantedMethod: method });
  }
  const spiI = asIkeSpi(new Reader(chosen.value.spi, "IKE SPI").u64());
  if (spiI === 0n) {
    return refuseWith({
      kind: "malformed",
      where: "SA payload",
      detail: "the new IKE SA's SPI is zero",
    });
  }
  const ticket = context.ticket();
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: ke.data.slice() } as const;
  const { messageId } = header;
  const Ni = nonce.data.slice();
  const kind = "ike-key-exchange";
  return {
    sa: {
      ...sa,
      asking: sa.asking?.kind === "ike-public-value" ? undefined : sa.asking,
      serving: { kind, messageId, ticket, chosen: chosen.value, Ni, spiI },
    },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** The new IKE SA takes all Child SAs; the old one waits until the peer deletes it (§2.8). */
export function onIkeKeyExchange(
  sa: Established,
  serving: Extract<Serving, { kind: "ike-key-exchange" }>,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const to = { exchangeType: ExchangeType.CREATE_CHILD_SA, messageId: serving.messageId };
  if (!result.ok) {
    return refuse(sa, to, keyExchangeRefusal(result.error), context);
  }
  const Nr = context.random(NONCE_OCTETS);
  const { Ni, chosen } = serving;
  const id: SaId = { spiI: serving.spiI, spiR: context.ikeSpi(), role: "responder" };
  const { sharedSecret, publicValue } = result.value;
  const grant = { of: "ike", chosen, id, Ni, Nr } as const;
  const secrets = [sharedSecret];
  const left = additionalMethods(chosen.algorithms);
  const spi = new Writer(8).u64(id.spiR).done();
  const payloads: Payload[] = [
    { kind: "SA", proposals: [chosenProposal(Protocol.IKE, chosen, spi)] },
    { kind: "NONCE", data: Nr },
    { kind: "KE", method: chosen.choice.ke, data: publicValue },
  ];
  if (left.length === 0) return replaceIke(sa, to, { grant, secrets, payloads }, context);
  const unfinished = awaitNext({ grant, left, secrets }, context);
  const here = { ...withoutUnfinished(sa), unfinished };
  const answered = answer(here, to, [...payloads, linkNotify(unfinished)], context);
  const asking = withRival(sa.asking, grant);
  return { sa: { ...answered.sa, asking }, effects: answered.effects };
}

/** Our own rekey is under way: which one stays is decided when both are answered (§2.8.2). */
function withRival(asking: Established["asking"], { id, Ni, Nr }: IkeGrant): Established["asking"] {
  if (asking?.kind !== "ike-response") return asking;
  return { ...asking, rival: { made: id.spiR, nonce: lowerNonce(Ni, Nr) } };
}

type IkeGrant = Extract<Unfinished["grant"], { of: "ike" }>;

/** All key exchanges are done. `payloads` are the answer. */
export function replaceIke(
  sa: Established,
  to: AnswerTo,
  done: {
    readonly grant: IkeGrant;
    /** SK(0), SK(1), … */
    readonly secrets: readonly Uint8Array[];
    readonly payloads: readonly Payload[];
  },
  context: IkeContext,
): Step {
  const { id, Ni, Nr, chosen } = done.grant;
  const { secrets } = done;
  const made = rekeyed(sa, { id, Ni, Nr, secrets, chosen }, context);
  const isContested = sa.asking?.kind === "ike-response";
  const successor: Established = isContested
    ? { ...made, contested: localSpi(sa.id), undecidedUntil: later(context.now, REPLACED_MS) }
    : made;
  const answered = answer(sa, to, done.payloads, context);
  const asking = isContested ? withRival(sa.asking, done.grant) : undefined;
  return {
    sa: replacedBy({ ...answered.sa, asking }, context),
    effects: [
      ...takeOver(successor),
      { kind: "count", counter: "ike_sas_rekeyed" },
      ...answered.effects,
      okNote("CREATE_CHILD_SA", "ike-sa-rekeyed", ikeAlgorithmsText(successor.algorithms)),
    ],
  };
}

/** What the new IKE SA is made from: its SPIs and algorithms, nonces and shared secret. */
export type RekeyInput = {
  readonly id: SaId;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  /** SK(0), SK(1), … */
  readonly secrets: readonly Uint8Array[];
  readonly chosen: ChosenIke;
};

/** The new IKE SA with its keys (§2.18). Wipes the shared secrets. */
export function rekeyed(sa: Established, made: RekeyInput, context: IkeContext): Established {
  const { id, Ni, Nr, secrets } = made;
  const [sharedSecret = new Uint8Array(0), ...additional] = secrets;
  const { algorithms } = made.chosen;
  const { prf } = sa.algorithms;
  const SKEYSEED = rekeySkeyseed(prf, sa.keys.SK_d, { sharedSecret, additional, Ni, Nr });
  const { spiI, spiR } = id;
  const keys = keysAfterProof(deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, spiI, spiR }));
  wipe(SKEYSEED, ...secrets);
  return successorOf(sa, { id, algorithms, keys }, context);
}

/** A rekey of ours that crosses the peer's, a mere question, or a request not sent yet. */
function isYielding(asking: Asking): boolean {
  switch (asking.kind) {
    case "informational":
    case "routability":
    case "ike-public-value":
    case "ike-response":
      return true;
    default:
      return false;
  }
}

const EXCHANGE = "CREATE_CHILD_SA";

/** What the peer granted when we asked for a Child SA (RFC 7296 §1.3.1, §2.9, §3.3). */

import { transformName } from "../../crypto/names.ts";
import { Ke, TransformType } from "../../crypto/transform.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { isInside } from "../inside.ts";
import type { Refusal } from "../refusal.ts";
import type { ChildAsk, GrantedChild } from "./asking.ts";
import type { Established } from "./established-phase.ts";
import { neededPayload, neededSelectors, notifyOf } from "./find-payload.ts";
import { spiOctets } from "./make-child-sa.ts";
import { narrow } from "./narrow.ts";
import { suitesFor } from "./next-try.ts";
import { chooseEsp, isAnswerTo, proposalsOf } from "./proposal.ts";

/** The proposals in our request for a Child SA. */
export function childOffer(sa: Pick<Established, "policy">, childAsk: ChildAsk) {
  const withKe = childAsk.method !== Ke.NONE;
  const suites = suitesFor(sa.policy.suites, childAsk);
  return proposalsOf(suites, { protocol: Protocol.ESP, spi: spiOctets(childAsk.spiIn), withKe });
}

/** The content of the answer, or what is wrong with it. */
export function grantedOf(
  sa: Pick<Established, "policy" | "nat">,
  childAsk: ChildAsk,
  payloads: readonly Payload[],
): Result<GrantedChild, Refusal> {
  const nonce = neededPayload(payloads, "NONCE", CHILD_RESPONSE);
  if (!nonce.ok) return nonce;
  const granted = grantedSelectors(childAsk, payloads, { nat: sa.nat, exchange: CHILD_RESPONSE });
  if (!granted.ok) return granted;
  const answer = neededPayload(payloads, "SA", CHILD_RESPONSE);
  if (!answer.ok) return answer;
  const { proposals } = answer.value;
  const withKe = childAsk.method !== Ke.NONE;
  const sentKe = withKe ? childAsk.method : undefined;
  const chosen = chooseEsp(proposals, sa.policy.suites, { withKe, sentKe });
  if (!chosen.ok || !isAnswerTo(childOffer(sa, childAsk), proposals)) {
    const detail = chosen.ok
      ? `an algorithm that was not offered, or ${proposals.length} proposals`
      : `none that was offered with ${transformName(TransformType.KE, childAsk.method, undefined)}`;
    return err({ kind: "malformed", where: CHILD_RESPONSE, detail });
  }
  return ok({ ...granted.value, chosen: chosen.value, Nr: nonce.value.data.slice() });
}

/** The name of the message in the words for its faults. */
export const CHILD_RESPONSE = "CREATE_CHILD_SA response";

/** The selectors of an answer: only what we asked for (§2.9), and whole subnets. */
export function grantedSelectors(
  asked: Pick<ChildAsk, "local" | "remote" | "mode">,
  payloads: readonly Payload[],
  { nat, exchange }: Pick<Established, "nat"> & { readonly exchange: string },
): Result<Pick<GrantedChild, "local" | "remote" | "mode">, Refusal> {
  const tsI = neededSelectors(payloads, "TSi", exchange);
  if (!tsI.ok) return tsI;
  const tsR = neededSelectors(payloads, "TSr", exchange);
  if (!tsR.ok) return tsR;
  const given = { local: tsI.value.selectors, remote: tsR.value.selectors };
  const narrowed = narrow(given, asked);
  if (!narrowed.ok) return narrowed;
  const { local, remote, leftOut } = narrowed.value;
  if (!isInside(given.local, asked.local) || !isInside(given.remote, asked.remote)) {
    const detail = "traffic selectors that were not asked for";
    return err({ kind: "malformed", where: "TSi and TSr payload", detail });
  }
  // The peer grants it in more pieces than fit: it would send packets that have no policy here.
  if (leftOut !== undefined) return err({ kind: "too-many-selectors", detail: leftOut });
  const echoes = notifyOf(payloads, NotifyType.USE_TRANSPORT_MODE) !== undefined;
  const isTransport = echoes && asked.mode === "transport" && nat === "none";
  return ok({ local, remote, mode: isTransport ? "transport" : "tunnel" });
}

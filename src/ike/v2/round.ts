/**
 * Rounds: the exchanges between IKE_SA_INIT and the end of authentication. Each is one request of
 * the initiator and its response. Each IKE SA has a list of those that are still to be done.
 */

import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { IkeAlgorithms } from "../algorithms.ts";
import type { IkeNote } from "../effect.ts";
import { AUTH_OCTETS_MAX, INTERMEDIATE_OCTETS_MAX } from "../limits.ts";
import { additionalMethods } from "./additional.ts";

export type Round =
  /** An additional key exchange in IKE_INTERMEDIATE (RFC 9370 §2.2.2). */
  | {
      readonly kind: "key-exchange";
      readonly method: number;
      /** The last one, in which the PPK is agreed on as well (RFC 9867 §3.1). */
      readonly withPpk: boolean;
    }
  /** The PPK is agreed on in an IKE_INTERMEDIATE without a key exchange. */
  | { readonly kind: "ppk" }
  | { readonly kind: "ike-auth" };

/** The rounds still to be done, in order: the first one is next, or under way. */
export type Rounds = readonly [Round, ...(readonly Round[])];

/** The rounds after IKE_SA_INIT. `withPpk`: a PPK is agreed on before IKE_AUTH. */
export function roundsAfterInit(
  algorithms: Pick<IkeAlgorithms, "additional">,
  withPpk: boolean,
): Rounds {
  const methods = additionalMethods(algorithms);
  const [first, ...more] = methods.map((method, place): Round => {
    const isLast = place === methods.length - 1;
    return { kind: "key-exchange", method, withPpk: withPpk && isLast };
  });
  if (first !== undefined) return [first, ...more, AUTH];
  return withPpk ? [{ kind: "ppk" }, AUTH] : [AUTH];
}

const AUTH: Round = { kind: "ike-auth" };

/** The rounds that are left after the first one; IKE_AUTH is the last. */
export function roundsAfter([, ...left]: Rounds): Rounds {
  const [next, ...more] = left;
  return next === undefined ? [AUTH] : [next, ...more];
}

type Messages = {
  readonly exchangeType: number;
  readonly step: IkeNote["step"];
  readonly octetsMax: number;
};

const INTERMEDIATE: Messages = {
  exchangeType: ExchangeType.IKE_INTERMEDIATE,
  step: "IKE_INTERMEDIATE",
  octetsMax: INTERMEDIATE_OCTETS_MAX,
};

/** The exchange type of each round, and the longest message that is accepted. */
export const MESSAGES_OF: Readonly<Record<Round["kind"], Messages>> = {
  "key-exchange": INTERMEDIATE,
  ppk: INTERMEDIATE,
  "ike-auth": {
    exchangeType: ExchangeType.IKE_AUTH,
    step: "IKE_AUTH",
    octetsMax: AUTH_OCTETS_MAX,
  },
};

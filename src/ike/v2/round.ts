/**
 * Rounds: the exchanges between IKE_SA_INIT and the end of authentication. Each is one request of
 * the initiator and its response. Each IKE SA has a list of those that are still to be done.
 */

import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { AUTH_OCTETS_MAX } from "../limits.ts";

export type Round = "ike-auth";

/** The rounds still to be done, in order: the first one is next, or under way. */
export type Rounds = readonly [Round, ...(readonly Round[])];

/** The rounds after IKE_SA_INIT. */
export const ROUNDS_AFTER_INIT: Rounds = ["ike-auth"];

/** The exchange type of each round, and the longest message that is accepted. */
export const MESSAGES_OF: Readonly<
  Record<Round, { readonly exchangeType: number; readonly octetsMax: number }>
> = {
  "ike-auth": { exchangeType: ExchangeType.IKE_AUTH, octetsMax: AUTH_OCTETS_MAX },
};

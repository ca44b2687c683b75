/**
 * Rounds: what is exchanged between IKE_SA_INIT and the end of authentication, one request of the
 * initiator and its response each. How many there are, and which, is a list in the IKE SA.
 */

import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { AUTH_OCTETS_MAX } from "../limits.ts";

export type Round = "ike-auth";

/** The rounds that are not over, in their order: the first one is next, or under way. */
export type Rounds = readonly [Round, ...(readonly Round[])];

/** What follows IKE_SA_INIT. */
export const ROUNDS_AFTER_INIT: Rounds = ["ike-auth"];

/** What the messages of a round look like from outside. */
export const MESSAGES_OF: Readonly<
  Record<Round, { readonly exchangeType: number; readonly octetsMax: number }>
> = {
  "ike-auth": { exchangeType: ExchangeType.IKE_AUTH, octetsMax: AUTH_OCTETS_MAX },
};

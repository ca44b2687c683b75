/** Exchange types of IKEv2 by their IANA numbers (RFC 7296 §3.1, "IKEv2 Parameters"). */

export const ExchangeType = {
  IKE_SA_INIT: 34,
  IKE_AUTH: 35,
  CREATE_CHILD_SA: 36,
  INFORMATIONAL: 37,
  IKE_SESSION_RESUME: 38, // RFC 5723
  GSA_AUTH: 39, // RFC 9838, as the next two
  GSA_REGISTRATION: 40,
  GSA_REKEY: 41,
  IKE_INTERMEDIATE: 43, // RFC 9242
  IKE_FOLLOWUP_KE: 44, // RFC 9370
} as const;

/** `IKE_AUTH`; a number without a name is `exchange type 99`. */
export function exchangeName(exchangeType: number): string {
  return NAMES.get(exchangeType) ?? `exchange type ${exchangeType}`;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ExchangeType).map(([name, number]) => [number, name]),
);

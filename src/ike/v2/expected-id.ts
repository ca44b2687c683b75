/** A site that expects another ID than ours (IDr in its request, RFC 7296 §2.15). */

import { equalOctets } from "../../octets/concat.ts";
import type { Instant } from "../../octets/instant.ts";
import { type Identity, identityText } from "../../wire/identity.ts";
import { type Refusal, refusalText } from "../refusal.ts";
import type { Established } from "./established-phase.ts";
import type { IkeEffect } from "./step.ts";

type OtherId = NonNullable<Established["otherId"]>;

/** Both IDs as text, if IDr differs from ours. */
export function otherIdOf(asked: Identity | undefined, ours: Identity): OtherId | undefined {
  if (asked === undefined) return undefined;
  if (asked.idType === ours.idType && equalOctets(asked.data, ours.data)) return undefined;
  return { expected: identityText(asked), ours: identityText(ours) };
}

/**
 * Some sites accept every responder that has the key; most give up silently when they read our
 * answer.
 */
export function expectsOtherNote(otherId: OtherId): IkeEffect {
  const text = refusalText({ kind: "our-id", ...otherId });
  const note = { level: "info", step: "IKE_AUTH", outcome: "note" } as const;
  return { kind: "note", note: { ...note, ...text } };
}

/**
 * Why a site deletes an IKE SA that it has just made: it expected another ID of us. Undefined if it
 * did not, or if the IKE SA is older.
 */
export function unexpectedId({ otherId, establishedAt }: Established, now: Instant) {
  if (otherId === undefined || now - establishedAt > LET_GO_MS_MAX) return undefined;
  return { kind: "our-id", ...otherId } as const satisfies Refusal;
}

/** A site that does not accept our ID says so as soon as it has our answer. */
const LET_GO_MS_MAX = 10_000;

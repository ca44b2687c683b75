/**
 * An IKE SA of any version, as other rooms see it: a value that they keep and hand back, and facts
 * about it. Another version is added here; no other room asks for the version.
 */

import type { Path } from "../inet/endpoint.ts";
import type { Instant } from "../octets/instant.ts";
import type { EffectOf, IkeContext } from "./effect.ts";
import type { IkeEvent } from "./event.ts";
import type { IkeSaFacts, Stage } from "./facts.ts";
import { localSpi, type SaId } from "./sa-id.ts";
import { deadlineOf as deadlineOfV1 } from "./v1/deadlines.ts";
import { decryptionTableLine as decryptionTableLineV1 } from "./v1/decryption-table.ts";
import { type IkeSa as Ikev1Sa, pathOf as pathOfV1, saIdOf as saIdOfV1 } from "./v1/every-phase.ts";
import { factsOf as factsOfV1, stageOf as stageOfV1 } from "./v1/facts.ts";
import { halfOpenOctets as halfOpenOctetsV1 } from "./v1/half-open-octets.ts";
import { step as stepV1 } from "./v1/ike-sa.ts";
import { deadlineOf as deadlineOfV2 } from "./v2/deadlines.ts";
import { decryptionTableLine as decryptionTableLineV2 } from "./v2/decryption-table.ts";
import { type IkeSa as Ikev2Sa, pathOf as pathOfV2, saIdOf as saIdOfV2 } from "./v2/every-phase.ts";
import { factsOf as factsOfV2, stageOf as stageOfV2 } from "./v2/facts.ts";
import { halfOpenOctets as halfOpenOctetsV2 } from "./v2/half-open-octets.ts";
import { step as stepV2 } from "./v2/ike-sa.ts";

export type IkeSa = Ikev1Sa | Ikev2Sa;

export type IkeEffect = EffectOf<IkeSa>;

/** The IKE SA after an event (undefined: it is gone), and what to do, in this order. */
export type Step = { readonly sa: IkeSa | undefined; readonly effects: readonly IkeEffect[] };

/** Handles one event. An event that does not fit the phase changes nothing. */
export function step(sa: IkeSa, event: IkeEvent, context: IkeContext): Step {
  return isIkev1(sa) ? stepV1(sa, event, context) : stepV2(sa, event, context);
}

/** When the event `deadline` is due; undefined if the IKE SA waits for no instant. */
export function deadlineOf(sa: IkeSa): Instant | undefined {
  return isIkev1(sa) ? deadlineOfV1(sa) : deadlineOfV2(sa);
}

/** How far it has come. */
export function stageOf(sa: IkeSa): Stage {
  return isIkev1(sa) ? stageOfV1(sa) : stageOfV2(sa);
}

/** The facts about it; undefined before both ends are authenticated, and after its deletion. */
export function factsOf(sa: IkeSa): IkeSaFacts | undefined {
  return isIkev1(sa) ? factsOfV1(sa) : factsOfV2(sa);
}

/** Its SPIs, and our role in it. */
export function saIdOf(sa: IkeSa): SaId {
  return isIkev1(sa) ? saIdOfV1(sa) : saIdOfV2(sa);
}

/** Our own SPI: the key under which the concentrator keeps the IKE SA. */
export function spiOf(sa: IkeSa): ReturnType<typeof localSpi> {
  return localSpi(saIdOf(sa));
}

/** Where its messages come from and go to. */
export function pathOf(sa: IkeSa): Path {
  return isIkev1(sa) ? pathOfV1(sa) : pathOfV2(sa);
}

/** How much memory it takes until its peer has authenticated; 0 after that. */
export function halfOpenOctets(sa: IkeSa): number {
  return isIkev1(sa) ? halfOpenOctetsV1(sa) : halfOpenOctetsV2(sa);
}

/** A line of Wireshark's decryption table; undefined while it has no keys. A secret. */
export function decryptionTableLine(sa: IkeSa): string | undefined {
  return isIkev1(sa) ? decryptionTableLineV1(sa) : decryptionTableLineV2(sa);
}

function isIkev1(sa: IkeSa): sa is Ikev1Sa {
  return "version" in sa;
}

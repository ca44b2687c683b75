/** What other rooms may know about an IKE SA of IKEv2: see {@link IkeSaFacts}. */

import { never } from "../../octets/assert.ts";
import type { IkeSaFacts, Stage } from "../facts.ts";
import { isIkeRekey } from "./asking.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import { awaitsAuthResponse } from "./first-child.ts";
import type { Initiating } from "./initiator-phase.ts";
import { isRedirectable } from "./redirect.ts";

/** How far it has come. */
export function stageOf(sa: IkeSa): Stage {
  switch (sa.phase) {
    case "awaiting-key-exchange":
    case "responding":
    case "refusing":
      return "half-open";
    case "awaiting-public-value":
    case "awaiting-init-response":
    case "awaiting-shared-secret":
      return "calling";
    case "initiating":
      return hasSaidWho(sa) ? "proving" : "calling";
    case "established":
      return "up";
    case "replaced":
      return "replaced";
    case "closing":
      return "closing";
    case "ended":
      return "over";
    default:
      return never(sa);
  }
}

/** Whether our IKE_AUTH has gone out. */
function hasSaidWho({ round }: Initiating): boolean {
  if (round?.awaits === "response") return round.asked.kind === "ike-auth";
  return round?.awaits === "verification";
}

/** Undefined until both ends are authenticated, and once it is being deleted. */
export function factsOf(sa: IkeSa): IkeSaFacts | undefined {
  if (sa.phase === "established") return factsOfEstablished(sa);
  if (sa.phase !== "replaced") return undefined;
  // It takes Child SAs back only while our own rekey may still give it a successor.
  const canTakeChildSas = isIkeRekey(sa.former.asking);
  const facts = factsOfEstablished(sa.former);
  return { ...facts, isReplaced: true, canBeSentAway: false, canTakeChildSas };
}

function factsOfEstablished(sa: Established): IkeSaFacts {
  return {
    id: sa.id,
    peer: sa.peer,
    establishedAt: sa.establishedAt,
    path: sa.path,
    nat: sa.nat,
    natPort: sa.settings.natPort,
    algorithms: sa.algorithms,
    usesPpk: sa.usesPpk,
    hasFullTranscript: sa.hasFullTranscript,
    policy: sa.policy,
    children: sa.children,
    isReplaced: false,
    isAnswered: !awaitsAuthResponse(sa),
    isServing: sa.serving !== undefined,
    awaitsSign: false,
    isRedundant: sa.timers.redundant !== undefined,
    isSentAway: sa.redirected !== undefined,
    isSentHere: sa.redirect === "redirected",
    canBeSentAway: isRedirectable(sa),
    canTakeChildSas: true,
    version: 2,
    sharesChildSas: false,
  };
}

/** What other rooms may know about an ISAKMP SA: see {@link IkeSaFacts}. */

import type { IkeAlgorithms } from "../algorithms.ts";
import type { IkeSaFacts, Stage } from "../facts.ts";
import { awaitsSign } from "./dpd.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import { type InitiatorPhase, isCalling } from "./initiator-phase.ts";
import type { IsakmpAlgorithms } from "./keys.ts";

/** How far it has come. */
export function stageOf(sa: IkeSa): Stage {
  if (isCalling(sa)) return hasProof(sa) ? "proving" : "calling";
  if (sa.phase !== "established") return "half-open";
  return sa.heir === undefined ? "up" : "replaced";
}

/** Whether our proof has gone out. */
function hasProof({ phase }: InitiatorPhase): boolean {
  return (
    phase === "call-main-proving" || phase === "call-main-signed" || phase === "call-main-verifying"
  );
}

/** Undefined until both ends are authenticated. */
export function factsOf(sa: IkeSa): IkeSaFacts | undefined {
  if (sa.phase !== "established") return undefined;
  return {
    id: sa.id,
    peer: sa.peer,
    establishedAt: sa.establishedAt,
    path: sa.path,
    nat: sa.nat,
    natPort: sa.settings.natPort,
    algorithms: ikeAlgorithmsOf(sa.algorithms),
    usesPpk: false,
    hasFullTranscript: false,
    policy: sa.policy,
    children: sa.children,
    isReplaced: sa.heir !== undefined,
    isAnswered: true,
    isServing: isServing(sa),
    awaitsSign: awaitsSign(sa),
    isRedundant: sa.timers.redundant !== undefined,
    isSentAway: false,
    isSentHere: false,
    canBeSentAway: false,
    canTakeChildSas: sa.heir === undefined,
    version: 1,
    sharesChildSas: true,
  };
}

/** Whether a Quick Mode of the peer waits for a key exchange or the kernel. */
function isServing({ quickModes }: Established): boolean {
  return quickModes.some(({ stage }) => stage === "exchanging" || stage === "installing");
}

/** The algorithms in the terms of IKEv2: messages have no integrity of their own. */
export function ikeAlgorithmsOf({ encr, prf, ke }: IsakmpAlgorithms): IkeAlgorithms {
  return { encr, integ: undefined, prf, ke };
}

/** How an IKE SA stands: what the negotiation tells the others of it after each of its events. */

import type { IkeSaFacts, Stage } from "../../ike/facts.ts";
import { factsOf, type IkeSa, pathOf, saIdOf, stageOf } from "../../ike/ike-sa.ts";
import type { SaId } from "../../ike/sa-id.ts";
import type { Path } from "../../inet/endpoint.ts";

/** A value: it does not change with the IKE SA. */
export type Stand = {
  readonly id: SaId;
  readonly path: Path;
  readonly stage: Stage;
  /** Undefined until both ends are authenticated, and once it is deleted. */
  readonly facts: IkeSaFacts | undefined;
};

/** How it stands now. */
export function standOf(sa: IkeSa): Stand {
  return { id: saIdOf(sa), path: pathOf(sa), stage: stageOf(sa), facts: factsOf(sa) };
}

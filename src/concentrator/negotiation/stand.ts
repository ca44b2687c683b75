/** How an IKE SA stands: what the negotiation tells the others of it after each of its events. */

import type { IkeSaFacts, Stage } from "../../ike/facts.ts";
import { factsOf, type IkeSa, pathOf, saIdOf, stageOf } from "../../ike/ike-sa.ts";
import type { SaId } from "../../ike/sa-id.ts";
import type { Path } from "../../inet/endpoint.ts";

/** A value: an event makes another IKE SA of the one before, so this one does not change. */
export class Stand {
  readonly #sa: IkeSa;
  /** Once they were asked for: several do so after each event. */
  #facts: IkeSaFacts | undefined;

  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  get id(): SaId {
    return saIdOf(this.#sa);
  }

  get path(): Path {
    return pathOf(this.#sa);
  }

  get stage(): Stage {
    return stageOf(this.#sa);
  }

  /** Undefined until both ends are authenticated, and once it is deleted. */
  get facts(): IkeSaFacts | undefined {
    this.#facts ??= factsOf(this.#sa);
    return this.#facts;
  }
}

/** How it stands now. */
export function standOf(sa: IkeSa): Stand {
  return new Stand(sa);
}

/** What one step of an IKE SA of IKEv2 comes to. */

import type { EffectOf } from "../effect.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";

export type IkeEffect = EffectOf<Established>;

/** The IKE SA after an event (undefined: forget it), and what to do, in this order. */
export type Step = { readonly sa: IkeSa | undefined; readonly effects: readonly IkeEffect[] };

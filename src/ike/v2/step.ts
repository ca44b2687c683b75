/** The result of one step of an IKE SA of IKEv2. */

import type { EffectOf } from "../effect.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";

export type IkeEffect = EffectOf<Established>;

/** The IKE SA after an event (undefined: it is gone), and what to do, in this order. */
export type Step = { readonly sa: IkeSa | undefined; readonly effects: readonly IkeEffect[] };

/** What an event does to an IKE SA of IKEv1. */

import type { EffectOf } from "../effect.ts";
import type { IkeSa } from "./every-phase.ts";

export type IkeEffect = EffectOf<IkeSa>;

/** The IKE SA after an event (undefined: it is gone), and what to do, in this order. */
export type Step = { readonly sa: IkeSa | undefined; readonly effects: readonly IkeEffect[] };

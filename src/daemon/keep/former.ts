/** What the run before has left, and the configuration that it had. */

import { KEPT_VERSION } from "../../concentrator/handover/keep.ts";
import { type Config, readConfig } from "../../config/config.ts";
import {
  type ConfigSources,
  filesOf,
  isSameSources,
  sourcesFrom,
  sourcesText,
} from "../../config/sources.ts";
import type { EroutePlan } from "../../eroute/eroute.ts";
import { wallMs } from "../../linux/clock.ts";
import { concat } from "../../octets/concat.ts";
import { ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { areSamePorts } from "../take-over.ts";
import { Slots } from "./slots.ts";
import { bootId, openStateFile, type StateFile } from "./state-file.ts";

export type Former = {
  readonly file: StateFile;
  readonly slots: Slots;
  /** Why nothing of it is used; undefined: it is, or there is nothing. */
  readonly why: string | undefined;
  /** The plan of the run before, if another one is configured now. */
  readonly plan: EroutePlan | undefined;
  /** What carried its packets, if something else does now. */
  readonly dataplane: Config["dataplane"] | undefined;
};

/** Why sites connect anew. */
export const PORTS_CHANGED = "ike.port or ike.nat_port is another one now";

/** The document of the configuration, beside those of the engine. */
export const CONFIGURATION = "configuration";

const MARK = new TextEncoder().encode("configuration\0");

/** Opens the state in the folder, for a daemon with this configuration. */
export function openFormer(folder: string, config: Config): Result<Former, string> {
  const opened = openStateFile({ folder, stateVersion: KEPT_VERSION, bootId: bootId() });
  if (!opened.ok) return opened;
  const file = opened.value;
  const slots = new Slots(file.memory, file.segments);
  const before = configurationIn(slots);
  const as = (plan?: EroutePlan) => ok({ file, slots, why: file.why, plan, dataplane: undefined });
  if (before === undefined || isSameSources(before, config.sources)) return as();
  const read = readConfig(before.text, filesOf(before, wallMs), CONFIGURATION);
  if (!read.ok) return as();
  const { dataplane = read.value.dataplane, ports = read.value.plan.ports } = before;
  const refused = (why: string, otherPlane?: Config["dataplane"]) => {
    slots.forget();
    return ok({ file, slots, why, plan: undefined, dataplane: otherPlane });
  };
  if (dataplane !== config.dataplane) {
    return refused("dataplane.kind is another one now", dataplane);
  }
  // Nobody listens any more where these sites are told to send.
  if (!areSamePorts(ports, config.plan.ports)) return refused(PORTS_CHANGED);
  return as(read.value.plan);
}

/** Written as a document. */
export function configurationContent(sources: ConfigSources): Uint8Array {
  return concat(MARK, new TextEncoder().encode(sourcesText(sources)));
}

/** What the run before has kept of its configuration; the document gets its name. */
function configurationIn(slots: Slots): ConfigSources | undefined {
  for (const { number, content } of slots.found(MARK)) {
    const sources = sourcesFrom(new TextDecoder().decode(content.subarray(MARK.length)));
    wipe(content);
    slots.adopt(number, CONFIGURATION);
    return sources;
  }
  return undefined;
}

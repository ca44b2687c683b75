/** What is in the kernel in the place of itself, written and read: nothing may be lost. */

import { readDocument, writeDocument } from "../../ike/state/document.ts";
import type { Place } from "../../ike/state/written-ike-sa.ts";
import { assert } from "../../octets/assert.ts";
import { wipe } from "../../octets/secret.ts";
import type { Engine } from "../engine.ts";
import { dataplaneOf, plainDataplane, putDataplane } from "./plain-dataplane.ts";
import { wipeState } from "./request.ts";

/** All tables go on as the next process would have them, once no question to the kernel is open. */
export function rereadDataplane(engine: Engine, place: Place): void {
  const { requests, dataplane } = engine;
  const { repairs } = dataplane;
  // Their answers are for Child SAs as the tables have them now.
  const open = (["child-sa", "usage", "repair"] as const).map((kind) => requests.size(kind));
  if (open.some((size) => size > 0) || repairs.remakes.size > 0) return;
  if (repairs.walk !== undefined) return;
  const document = writeDocument(plainDataplane, dataplaneOf(engine), place);
  const read = readDocument(plainDataplane, document, place.anchor);
  assert(read.ok, read.ok ? "" : `what was written cannot be read: ${read.error.detail}`);
  wipe(document);
  for (const { outboundWaiting } of dataplane.installed.values()) {
    // The other copy has the keys now.
    if (outboundWaiting !== undefined) wipeState(outboundWaiting);
  }
  putDataplane(engine, read.value.value);
}

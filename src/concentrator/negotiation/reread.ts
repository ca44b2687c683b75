/** IKE SAs in the place of themselves, written and read back: nothing may be lost on the way. */

import { type Place, readIkeSa, wipeWritten, writeIkeSa } from "../../ike/state/written-ike-sa.ts";
import { assert } from "../../octets/assert.ts";
import { wipe } from "../../octets/secret.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import { ikeSas } from "./ike-sas.ts";
import { setDeadline } from "./settle.ts";
import { type Stand, standOf } from "./stand.ts";

/**
 * Each IKE SA that can be written goes on as the process of the next generation would have it.
 * Returns how each of them stands.
 */
export function rereadIkeSas(engine: Engine, place: Place): ReadonlyMap<IkeSpi, Stand> {
  const stands = new Map<IkeSpi, Stand>();
  const next = { ...place, generation: place.generation + 1 };
  for (const [spi, entry] of ikeSas(engine)) {
    const document = writeIkeSa(entry.sa, place);
    if (document === undefined) continue;
    const read = readIkeSa(document, next);
    assert(read.ok, read.ok ? "" : `what was written cannot be read: ${read.error.detail}`);
    wipe(document);
    wipeWritten(entry.sa);
    entry.sa = read.value;
    setDeadline(engine, spi, read.value);
    stands.set(spi, standOf(read.value));
  }
  return stands;
}

/** SPIs and reqids of Child SAs that the process before has left and that are still to be read. */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Engine } from "../engine.ts";

/** Until {@link endAwaiting}, no new Child SA gets one of these. */
export function awaitChildSas(
  { dataplane: { awaited } }: Engine,
  spis: readonly EspSpi[],
  reqids: readonly number[],
): void {
  for (const spi of spis) awaited.spis.add(spi);
  for (const reqid of reqids) awaited.reqids.add(reqid);
}

/** All of them have been read. */
export function endAwaiting({ dataplane: { awaited } }: Engine): void {
  awaited.spis.clear();
  awaited.reqids.clear();
}

/** The table of Child SAs in the kernel, as others may use it. */

import type { ChildSa } from "../../ike/child-sa.ts";
import { asEspSpi, type EspSpi } from "../../inet/esp-spi.ts";
import { Reader } from "../../octets/reader.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import { awakeAt, awakeOf } from "../resting.ts";
import { isDraining } from "./draining.ts";
import type { Installed } from "./installed.ts";

/** The one with this inbound SPI of ours. */
export function installedAt(engine: Engine, spiIn: EspSpi): Installed | undefined {
  return awakeAt(engine, engine.dataplane.installed, spiIn);
}

/** All of them. */
export function installedOf(engine: Engine): Generator<Installed, undefined> {
  return awakeOf(engine, engine.dataplane.installed);
}

/** From now on these Child SAs belong to another IKE SA. */
export function handOver(engine: Engine, children: readonly ChildSa[], spi: IkeSpi): void {
  for (const { spiIn } of children) {
    const installed = installedAt(engine, spiIn);
    if (installed === undefined) continue;
    installed.ikeSpi = spi;
    changedSite(engine, installed.erouteKey);
  }
}

/** Those of an eroute in use, whichever IKE SA they belong to, and also those without one. */
export function childSasOf({ dataplane }: Engine, erouteKey: string): readonly EspSpi[] {
  const held = dataplane.byEroute.get(erouteKey);
  if (held === undefined) return [];
  return typeof held === "number" ? [held] : held;
}

/** From now on the eroute in use has these, and no others. */
export function setChildSasOf(
  { dataplane }: Engine,
  erouteKey: string,
  spisIn: readonly EspSpi[],
): void {
  const [first, ...others] = spisIn;
  if (first === undefined) dataplane.byEroute.delete(erouteKey);
  else dataplane.byEroute.set(erouteKey, others.length === 0 ? first : spisIn);
}

/** SPIs below 256 are reserved (RFC 4303 §2.1); those below 4096 are left to set-ups by hand. */
const ESP_SPI_MIN = 0x1000;

/** An SPI that no state of ours has. */
export function freeEspSpi(engine: Engine): EspSpi {
  for (;;) {
    const spi = asEspSpi(new Reader(engine.random(4), "ESP SPI").u32());
    const isFree = !engine.dataplane.installed.has(spi) && !isDraining(engine, spi);
    if (spi >= ESP_SPI_MIN && isFree) return spi;
  }
}

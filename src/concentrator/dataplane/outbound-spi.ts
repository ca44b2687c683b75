/**
 * Outbound states by the site's address and SPI: the kernel has room for one of each pair, and the
 * sites choose the SPIs. A site that has restarted may choose its old one again; two sites behind
 * one NAT may choose the same.
 */

import type { Refusal } from "../../ike/refusal.ts";
import { formatAddress } from "../../inet/address.ts";
import { spi32Hex } from "../../octets/hex.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { stateName } from "../../xfrm/request.ts";
import type { XfrmStateId } from "../../xfrm/state.ts";
import { count, type Engine } from "../engine.ts";
import { awakeAt } from "../resting.ts";
import { erouteAt } from "../sites/eroutes.ts";
import type { Installed } from "./installed.ts";

/** From now on this Child SA sends there. */
export function takeOutbound(engine: Engine, installed: Installed): void {
  engine.dataplane.outbounds.set(stateName(installed.outbound), installed);
}

/** This Child SA no longer sends there. */
export function leaveOutbound(engine: Engine, installed: Installed): void {
  const name = stateName(installed.outbound);
  if (engine.dataplane.outbounds.get(name) === installed) engine.dataplane.outbounds.delete(name);
}

/** The Child SA that sends there, by the name of its state. */
export function outboundAt(engine: Engine, name: string): Installed | undefined {
  return awakeAt(engine, engine.dataplane.outbounds, name);
}

/** The IKE SA whose Child SA wants to send there, and its eroute. */
export type Claimant = { readonly spi: IkeSpi; readonly erouteKey: string };

/**
 * The Child SA that has to make room for a new one: one that the same site had before it restarted.
 * If another site or the same IKE SA has the SPI, the new one is refused.
 */
export function roomFor(
  engine: Engine,
  claimant: Claimant,
  outbound: XfrmStateId,
): Result<Installed | undefined, Refusal> {
  const owner = outboundAt(engine, stateName(outbound));
  if (owner === undefined) return ok(undefined);
  const isItself = owner.ikeSpi === claimant.spi;
  if (!isItself && owner.erouteKey === claimant.erouteKey) return ok(owner);
  count(engine, "spi_conflicts");
  const other = erouteAt(engine, owner.erouteKey);
  const whose = isItself ? "another Child SA of its own" : (other?.peerId ?? "another site");
  const detail =
    `the site has chosen ESP SPI ${spi32Hex(outbound.spi)} at ${formatAddress(outbound.dst)}, ` +
    `which ${whose} has there already: the site is asked for another one`;
  return err({ kind: "spi-in-use", detail });
}

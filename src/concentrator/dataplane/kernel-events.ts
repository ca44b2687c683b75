/** What the kernel reports by itself about the states of Child SAs. */

import type { IkeEvent } from "../../ike/event.ts";
import { equalAddress } from "../../inet/address.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { XfrmExpire } from "../../xfrm/event.ts";
import { isOurReqid, stateName } from "../../xfrm/request.ts";
import type { XfrmMapping } from "../../xfrm/state.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import { installedAt } from "./child-sas.ts";
import { forgetState } from "./install.ts";
import type { Installed } from "./installed.ts";
import { outboundAt } from "./outbound-spi.ts";

/**
 * A state has reached its limit of time or volume: soft, it is rekeyed; hard, the Child SA goes
 * (R5).
 */
export function onExpire(engine: Engine, expire: XfrmExpire): void {
  if (!isOurReqid(expire.reqid)) return;
  const installed = installedOf(engine, expire.id);
  if (installed === undefined) return;
  if (!expire.hard) {
    const { child, ikeSpi } = installed;
    return tell(engine, ikeSpi, { kind: "rekey-child", spiIn: child.spiIn });
  }
  forgetState(installed, expire.id);
  changedSite(engine, installed.erouteKey);
  tell(engine, installed.ikeSpi, { kind: "close-child", spiIn: installed.child.spiIn });
}

/** By destination and SPI, as in the kernel: a site may choose an SPI that we have too. */
function installedOf(engine: Engine, id: XfrmExpire["id"]): Installed | undefined {
  const inbound = installedAt(engine, id.spi);
  if (inbound !== undefined && equalAddress(inbound.inbound.dst, id.dst)) return inbound;
  return outboundAt(engine, stateName(id));
}

/**
 * The NAT of a site has rebound: the kernel has seen authentic packets from another address or
 * port.
 */
export function onMapping(engine: Engine, { id, reqid, from }: XfrmMapping): void {
  if (!isOurReqid(reqid)) return;
  const installed = installedOf(engine, id);
  if (installed === undefined) return;
  tell(engine, installed.ikeSpi, { kind: "peer-moved", remote: from });
}

function tell(engine: Engine, spi: IkeSpi, event: IkeEvent): void {
  engine.inbox.push({ spi, event });
}

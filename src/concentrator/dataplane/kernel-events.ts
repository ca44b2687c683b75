/** What the kernel tells by itself about the states of Child SAs. */

import type { IkeEvent } from "../../ike/event.ts";
import { equalAddress } from "../../inet/address.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { XfrmExpire } from "../../xfrm/event.ts";
import { isOurReqid } from "../../xfrm/request.ts";
import type { XfrmMapping } from "../../xfrm/state.ts";
import type { Engine } from "../engine.ts";
import { forgetState } from "./install.ts";
import type { Installed } from "./installed.ts";

/** The kernel has removed a state whose time or volume was over: the Child SA goes (R5). */
export function onExpire(engine: Engine, expire: XfrmExpire): void {
  if (!isOurReqid(expire.reqid)) return;
  const installed = installedOf(engine, expire.id);
  if (installed === undefined) return;
  if (!expire.hard) {
    const { child, ikeSpi } = installed;
    return tell(engine, ikeSpi, { kind: "rekey-child", spiIn: child.spiIn });
  }
  forgetState(installed, expire.id);
  tell(engine, installed.ikeSpi, { kind: "close-child", spiIn: installed.child.spiIn });
}

/** By destination and SPI, as the kernel does: what a site chose may equal an SPI of ours. */
function installedOf(engine: Engine, id: XfrmExpire["id"]): Installed | undefined {
  const inbound = engine.dataplane.installed.get(id.spi);
  if (inbound !== undefined && equalAddress(inbound.inbound.dst, id.dst)) return inbound;
  // Rare, so it may walk: inbound states expire at the same time as outbound ones.
  for (const installed of engine.dataplane.installed.values()) {
    const { outbound } = installed;
    if (outbound.spi === id.spi && equalAddress(outbound.dst, id.dst)) return installed;
  }
  return undefined;
}

/** A NAT before a site has rebound: the kernel has seen its authentic packets from elsewhere. */
export function onMapping(engine: Engine, { id, reqid, from }: XfrmMapping): void {
  if (!isOurReqid(reqid)) return;
  const installed = installedOf(engine, id);
  if (installed === undefined) return;
  tell(engine, installed.ikeSpi, { kind: "peer-moved", remote: from });
}

function tell(engine: Engine, spi: IkeSpi, event: IkeEvent): void {
  engine.inbox.push({ spi, event });
}

/** A peer that changes its address: MOBIKE as responder, and NATs that rebind (RFC 4555). */

import { type Address, addressOctets, familyBits } from "../../inet/address.ts";
import { type Endpoint, equalPath, type Path } from "../../inet/endpoint.ts";
import { equalOctets } from "../../octets/concat.ts";
import { equalConstantTime } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { IkeContext } from "../effect.ts";
import type { Asking } from "./asking.ts";
import type { Established } from "./established-phase.ts";
import { notifyOf } from "./find-payload.ts";
import { detectNat, natDetectionNotifies } from "./nat.ts";
import { notify } from "./notify.ts";
import { askInformational } from "./request.ts";
import type { IkeEffect, Step } from "./step.ts";
import { addTask } from "./tasks.ts";

type Updated = {
  readonly sa: Established;
  readonly notifies: readonly NotifyPayload[];
  readonly effects: readonly IkeEffect[];
};

/**
 * UPDATE_SA_ADDRESSES (RFC 4555 §3.5): IKE uses the new addresses at once. The Child SAs follow
 * when the peer has proved that it receives messages there (§3.7).
 */
export function onUpdateSaAddresses(sa: Established, payloads: readonly Payload[]): Updated {
  const path = sa.inbound.path;
  const hashes = payloads.some(
    (p) => p.kind === "NOTIFY" && p.type === NotifyType.NAT_DETECTION_SOURCE_IP,
  );
  const notifies = sa.mobike && hashes ? natDetectionNotifies(sa.id.spiI, sa.id.spiR, path) : [];
  const wants = notifyOf(payloads, NotifyType.UPDATE_SA_ADDRESSES) !== undefined;
  if (!sa.mobike || !wants) return { sa, notifies, effects: [] };
  if (!isAcceptable(path.remote.address)) {
    return { sa, notifies: [notify(NotifyType.UNACCEPTABLE_ADDRESSES)], effects: [] };
  }
  const noNat = notifyOf(payloads, NotifyType.NO_NATS_ALLOWED);
  if (noNat !== undefined && !isWhole(noNat.data, path)) {
    return { sa, notifies: [notify(NotifyType.UNEXPECTED_NAT_DETECTED)], effects: [] };
  }
  const nat = hashes ? detectNat(payloads, sa.id, path) : sa.nat;
  const here: Established = { ...sa, path, nat };
  return { sa: addTask(here, { kind: "routability", path }), notifies, effects: [] };
}

/** Sends a COOKIE2 to the new address of the peer. */
export function askRoutability(sa: Established, path: Path, context: IkeContext): Step {
  const cookie2 = context.random(COOKIE2_OCTETS);
  const asking: Asking = { kind: "routability", path, cookie2 };
  return askInformational(sa, [notify(NotifyType.COOKIE2, cookie2)], asking, context);
}

/** The answer: if it holds our COOKIE2, the Child SAs follow the IKE SA. */
export function onRoutability(
  sa: Established,
  asking: Extract<Asking, { kind: "routability" }>,
  payloads: readonly Payload[],
): Step {
  const echo = notifyOf(payloads, NotifyType.COOKIE2);
  const isTrue = echo !== undefined && equalConstantTime(echo.data, asking.cookie2);
  // The peer has moved again meanwhile: the next check is under way.
  if (!isTrue || !equalPath(sa.path, asking.path)) return { sa, effects: [] };
  return { sa, effects: [{ kind: "moved" }] };
}

/**
 * A new authentic message from another address or port: the peer's NAT may have rebound (RFC 7296
 * §2.23). With MOBIKE the peer reports this itself. An IKE SA that uses the NAT port stays there: a
 * message on port 500 tells nothing about the mapping for ESP in UDP, and is only answered there.
 */
export function follow(
  sa: Established,
  path: Path,
): { sa: Established; effects: readonly IkeEffect[] } {
  const isHidden = sa.nat === "remote" || sa.nat === "both";
  if (sa.mobike || !isHidden || equalPath(sa.path, path)) return { sa, effects: [] };
  const { natPort } = sa.settings;
  if (sa.path.local.port === natPort && path.local.port !== natPort) return { sa, effects: [] };
  return { sa: { ...sa, path }, effects: [{ kind: "moved" }] };
}

/** The kernel received authentic ESP in UDP from another address or port of the peer. */
export function onPeerMoved(sa: Established, remote: Endpoint): Step {
  // A peer that sends ESP in UDP to the NAT port also accepts IKE there.
  const local = { address: sa.path.local.address, port: sa.settings.natPort };
  const path = { local, remote };
  const isHidden = sa.nat === "remote" || sa.nat === "both";
  if (!isHidden || equalPath(path, sa.path)) return { sa, effects: [] };
  return { sa: { ...sa, path }, effects: [{ kind: "moved" }] };
}

const COOKIE2_OCTETS = 16;

/** Not unspecified, multicast or broadcast. */
function isAcceptable({ family, value }: Address): boolean {
  const bits = BigInt(familyBits(family));
  if (family === 4) return value >> 24n !== 0n && value >> (bits - 4n) < 0xen;
  return value !== 0n && value >> (bits - 8n) !== 0xffn;
}

/** NO_NATS_ALLOWED: both addresses, then both ports, as the peer sent them (§4.2.6). */
function isWhole(data: Uint8Array, { remote, local }: Path): boolean {
  const seen = new Writer(36)
    .octets(addressOctets(remote.address))
    .octets(addressOctets(local.address))
    .u16(remote.port)
    .u16(local.port);
  return equalOctets(data, seen.done());
}

/** Child SAs whose packets come from and go to another address (RFC 4555 §3.5, RFC 7296 §2.23). */

import type { IkeSaFacts } from "../../ike/facts.ts";
import { equalAddress } from "../../inet/address.ts";
import { equalPath, type Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { XfrmStateId } from "../../xfrm/state.ts";
import { changedSite } from "../changes.ts";
import { count, type Engine, inMs } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { aboutIkeSa, factsAt } from "../sites/ike-sas.ts";
import { installedAt } from "./child-sas.ts";
import { espPath } from "./esp-path.ts";
import { needsEncapsulation } from "./install.ts";
import { type Installed, isSameState, type StateMove } from "./installed.ts";
import { leaveOutbound, roomFor, takeOutbound } from "./outbound-spi.ts";
import { changePolicies } from "./policies.ts";
import { request, stateOf } from "./request.ts";
import { changeRoute, childRoutes } from "./routes.ts";

/**
 * After a move, the next one of the same IKE SA waits this long, and goes to where the site is
 * then: packets that come from two ports in turn would otherwise move all states each time.
 */
const MOVE_MS = 1_000;

/** The IKE SA has moved: its Child SAs follow, now or in a moment. */
export function moveSoon(engine: Engine, spi: IkeSpi): void {
  const { moves } = engine.dataplane;
  forgetOld(engine);
  const last = moves.get(spi);
  const isDue = last === undefined || (last.waiting === 0 && last.at <= engine.now);
  if (isDue) return moveNow(engine, spi);
  count(engine, "moves_delayed");
  if (last.waiting > 0) last.waiting++;
  else enter(engine, spi, 1);
}

/** When the next move is due. */
export function movesAt({ dataplane }: Engine): Instant | undefined {
  const { moves } = dataplane;
  if (moves.size === 0) return undefined;
  for (const { at, waiting } of moves.values()) if (waiting > 0) return at;
  return undefined;
}

/** Those that have waited long enough. */
export function runMoves(engine: Engine): void {
  for (const [spi, { at, waiting }] of engine.dataplane.moves) {
    if (at > engine.now) return;
    engine.dataplane.moves.delete(spi);
    if (waiting === 0) continue;
    if (waiting > 1) noteMoves(engine, spi, waiting);
    moveNow(engine, spi);
  }
}

/** Moves states and policies of all its Child SAs to where the IKE SA is now. */
function moveNow(engine: Engine, spi: IkeSpi): void {
  const ike = factsAt(engine, spi);
  if (ike === undefined) return;
  enter(engine, spi, 0);
  for (const { spiIn } of ike.children) {
    const installed = installedAt(engine, spiIn);
    if (installed !== undefined) moveChild(engine, ike, installed);
  }
}

/** At the end: the order is that in which they are due. */
function enter(engine: Engine, spi: IkeSpi, waiting: number): void {
  engine.dataplane.moves.delete(spi);
  engine.dataplane.moves.set(spi, { at: inMs(engine, MOVE_MS), waiting });
}

/** Forgets moves that are so long ago that the next one need not wait. */
function forgetOld({ dataplane, now }: Engine): void {
  for (const [spi, { at, waiting }] of dataplane.moves) {
    if (at > now || waiting > 0) return;
    dataplane.moves.delete(spi);
  }
}

function noteMoves(engine: Engine, spi: IkeSpi, moves: number): void {
  journal(engine, aboutIkeSa(engine, spi), {
    level: "warning",
    step: "INFORMATIONAL",
    outcome: "note",
    reason: "moves-delayed",
    detail:
      `its packets come from changing addresses or ports: ${moves} moves within ` +
      `${MOVE_MS} ms, of which the last counts`,
  });
}

/** Inbound first, so that packets to the new address find a state; then outbound. */
function moveChild(engine: Engine, ike: IkeSaFacts, installed: Installed): void {
  const encapsulate = needsEncapsulation(ike.nat);
  const before = installed.place;
  const path = espPath(ike, before.path);
  if (before.encapsulate === encapsulate && isSamePlace(before.path, path, encapsulate)) return;
  const [local, remote] = [path.local, path.remote];
  if (isTaken(engine, installed, path)) return;
  installed.place = { ...before, path, encapsulate };
  installed.encapsulated = encapsulate;
  changedSite(engine, installed.erouteKey);
  const inbound = { src: remote.address, dst: local.address, spi: installed.inbound.spi };
  const outbound = { src: local.address, dst: remote.address, spi: installed.outbound.spi };
  const { outboundWaiting } = installed;
  const outPorts = portsOf(path, "out");
  moveState(engine, installed, { from: installed.inbound, to: inbound }, portsOf(path, "in"));
  moveState(engine, installed, { from: installed.outbound, to: outbound }, outPorts);
  if (outboundWaiting !== undefined) {
    const encapsulation = encapsulate ? outPorts : undefined;
    installed.outboundWaiting = { ...outboundWaiting, id: outbound, encapsulation };
  }
  leaveOutbound(engine, installed);
  installed.inbound = inbound;
  installed.outbound = outbound;
  takeOutbound(engine, installed);
  changePolicies(engine, installed, before);
  moveRoutes(engine, installed);
}

/** Whether another site has the same SPI at the new address: then a rekey gives it a new one. */
function isTaken(engine: Engine, installed: Installed, path: Path): boolean {
  const { child, ikeSpi: spi, erouteKey, outbound } = installed;
  const [src, dst] = [path.local.address, path.remote.address];
  if (equalAddress(dst, outbound.dst)) return false;
  const room = roomFor(engine, { spi, erouteKey }, { src, dst, spi: outbound.spi });
  if (room.ok && room.value === undefined) return false;
  const detail = room.ok || room.error.kind !== "spi-in-use" ? "" : room.error.detail;
  const at = { level: "warning", step: "kernel", outcome: "note", reason: "spi-in-use" } as const;
  journal(engine, aboutIkeSa(engine, spi), { ...at, detail });
  engine.inbox.push({ spi, event: { kind: "rekey-child", spiIn: child.spiIn } });
  return true;
}

/** Without UDP around it ESP has no ports: then only the addresses count. */
function isSamePlace(before: Path, path: Path, encapsulate: boolean): boolean {
  if (encapsulate) return equalPath(before, path);
  const { local, remote } = path;
  const isHere = equalAddress(before.local.address, local.address);
  return isHere && equalAddress(before.remote.address, remote.address);
}

/** The route to the site may use another interface now. */
function moveRoutes(engine: Engine, installed: Installed): void {
  installed.routes = childRoutes(installed.place);
  for (const route of installed.routes) {
    const op = changeRoute(engine.dataplane.routes, installed.child.spiIn, route);
    if (op !== undefined) request(engine, op, { installed, makes: undefined });
  }
}

type Ports = { readonly srcPort: number; readonly dstPort: number };

export function portsOf({ local, remote }: Path, direction: "in" | "out"): Ports {
  const [src, dst] = direction === "in" ? [remote, local] : [local, remote];
  return { srcPort: src.port, dstPort: dst.port };
}

function moveState(engine: Engine, installed: Installed, move: StateMove, ports: Ports): void {
  const at = installed.ours.findIndex((own) => isSameState(own, move.from));
  if (at >= 0) installed.ours.splice(at, 1);
  else if (!isAskedFor(installed, move.from)) return;
  installed.moving = [...installed.moving, move];
  engine.dataplane.unsure.set(installed.child.spiIn, installed);
  askMove(engine, installed, { move, ports, isAgain: false });
}

/** Whether the kernel was asked to make this state, and has not answered: it moves after that. */
function isAskedFor(
  { phase, pending, outbound, outboundWaiting, asked }: Installed,
  id: XfrmStateId,
): boolean {
  if (asked.some((state) => isSameState(state.id, id))) return true;
  const waits = outboundWaiting !== undefined && isSameState(outbound, id);
  return !waits && phase === "installing" && pending > 0;
}

type Asked = { readonly move: StateMove; readonly ports: Ports; readonly isAgain: boolean };

/** Asks the kernel to move a state; `isAgain`: the process before may have done so. */
export function askMove(
  engine: Engine,
  installed: Installed,
  { move, ports, isAgain }: Asked,
): void {
  const { from, to } = move;
  const encapsulation = installed.place.encapsulate ? ports : undefined;
  request(
    engine,
    { op: "move-state", ...stateOf(installed, from), to, encapsulation },
    { installed, makes: to, moves: from, isAgain },
  );
}

/** Every event goes to the owner of what it is about. */

import { isFragment } from "../ike/door.ts";
import { never } from "../octets/assert.ts";
import { onAnswer } from "./answers.ts";
import { callAlways, connect, forgetCalls, onAcquire } from "./calls/initiate.ts";
import { drainStates } from "./dataplane/draining.ts";
import { onExpire, onMapping } from "./dataplane/kernel-events.ts";
import { onKernelTables, onRemoved } from "./dataplane/repair.ts";
import { changeStanding, startStanding } from "./dataplane/standing.ts";
import { onDeadline } from "./deadlines.ts";
import { deliver, start } from "./drive.ts";
import { count, type Engine } from "./engine.ts";
import type { Event } from "./event.ts";
import { admit } from "./negotiation/admit.ts";
import { destinationOf } from "./negotiation/demultiplex.ts";
import { noteLoss } from "./negotiation/loss.ts";
import { beginShutdown, shutDownPortion } from "./negotiation/shutdown.ts";
import { isTracing, onTracedDatagram, trace } from "./negotiation/trace.ts";
import { onAddresses } from "./sites/addresses.ts";
import { forgetAdjusting } from "./sites/adjust.ts";
import { disconnect } from "./sites/disconnect.ts";
import { closeOrphansSoon, forgetErrands } from "./sites/errands.ts";
import { reconfigure } from "./sites/reconfigure.ts";
import { redirect, stopRedirects } from "./sites/redirect.ts";
import { rekeyByHand } from "./sites/rekey.ts";
import { forgetRowChecks, onRowChanged } from "./sites/row-change.ts";

/** Passes an event to its owner. */
export function dispatch(engine: Engine, event: Event): void {
  switch (event.kind) {
    case "datagram":
      onDatagram(engine, event);
      return;
    case "datagrams-lost":
      return noteLoss(engine, event.datagrams);
    case "peer-rows":
    case "resolved":
    case "kernel-answer":
    case "key-exchange-answer":
    case "signature-answer":
      return onAnswer(engine, event);
    case "start":
      return startStanding(engine);
    case "configuration":
      reconfigure(engine, event.plan);
      changeStanding(engine);
      callAlways(engine);
      return;
    case "disconnect":
      return disconnect(engine, event.peerId);
    case "rekey":
      return rekeyByHand(engine, event.peerId, event.of);
    case "redirect":
      return redirect(engine, event);
    case "trace":
      return trace(engine, event.traced);
    case "row-changed":
      return onRowChanged(engine, event.egroup, event.peerId);
    case "shutdown":
      engine.shuttingDown = true;
      forgetAdjusting(engine);
      forgetErrands(engine);
      forgetRowChecks(engine);
      forgetCalls(engine);
      stopRedirects(engine);
      drainStates(engine, true);
      closeOrphansSoon(engine);
      beginShutdown(engine);
      shutDownPortion(engine);
      return;
    case "deadline":
      return onDue(engine);
    case "expire":
      onExpire(engine, event.expire);
      return;
    case "kernel-tables":
      return onKernelTables(engine, event);
    case "removed":
      return onRemoved(engine, event);
    case "addresses":
      onAddresses(engine, event.local);
      return;
    case "connect":
      return connect(engine, event.peerId);
    case "acquire":
      return onAcquire(engine, event.acquire);
    case "mapping":
      return onMapping(engine, event.mapping);
    default:
      never(event);
  }
}

/** Apart, because no other event needs a function made for it. */
function onDue(engine: Engine): void {
  onDeadline(engine, (answer) => dispatch(engine, answer));
}

function onDatagram(engine: Engine, event: Extract<Event, { kind: "datagram" }>): void {
  const { octets, path } = event;
  if (isTracing(engine)) onTracedDatagram(engine, octets, path, "received");
  const destination = destinationOf(engine, octets, path);
  if (destination.kind === "nowhere") return;
  const { header } = destination;
  if (isFragment(header)) count(engine, "fragments_received");
  if (destination.kind === "ike-sa") {
    deliver(engine, destination.spi, { kind: "message", header, octets, path });
    return;
  }
  if (engine.shuttingDown) return;
  const admitted = admit(engine, { header, octets, path });
  if (admitted !== undefined) start(engine, admitted.spi, admitted.effects);
}

/** Starts the next task when nothing else is under way (RFC 7296 §2.3). */

import type { EspSpi } from "../../inet/esp-spi.ts";
import { never } from "../../octets/assert.ts";
import { later } from "../../octets/instant.ts";
import { Writer } from "../../octets/writer.ts";
import { type Payload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { IkeContext } from "../effect.ts";
import { isInside } from "../inside.ts";
import { retryMs } from "../jitter.ts";
import type { Task } from "./asking.ts";
import { askForChild } from "./create-child-sa-request.ts";
import type { Established } from "./established-phase.ts";
import { awaitsAuthResponse } from "./first-child.ts";
import { askRoutability } from "./mobike.ts";
import { notify } from "./notify.ts";
import { askToGo } from "./redirect.ts";
import { askForIkeRekey } from "./rekey-ike-sa-request.ts";
import { askInformational } from "./request.ts";
import type { IkeEffect, Step } from "./step.ts";
import { isPutOff, selectorKeys } from "./tasks.ts";

/** Starts the tasks of the queue, one at a time. Tasks that have become pointless are skipped. */
export function proceed(sa: Established, context: IkeContext): Step {
  let at: Established = sa;
  const effects: IkeEffect[] = [];
  while (isFree(at)) {
    const here = at;
    const place = here.tasks.findIndex((one) => !isPutOff(one) && mayStart(here, one));
    const task = here.tasks[place];
    if (task === undefined) break;
    const tasks = here.tasks.filter((one) => one !== task);
    const started = perform({ ...at, tasks }, task, context);
    effects.push(...started.effects);
    if (started.sa?.phase !== "established") return { sa: started.sa, effects };
    at = started.sa;
  }
  return { sa: at, effects };
}

function isFree(sa: Established): boolean {
  const { outbound, asking } = sa;
  return outbound.inFlight === undefined && asking === undefined && !awaitsAuthResponse(sa);
}

/**
 * Whether the peer's request for new keys leaves room for it (RFC 7296 §2.25): what it makes would
 * be made twice, or would belong to an IKE SA that is about to be replaced, or may be redundant
 * (§2.8.2). The one that stays takes over what waits.
 */
function mayStart({ unfinished, serving, undecidedUntil }: Established, task: Task): boolean {
  const served = serving?.kind === "followup-key-exchange" ? serving.unfinished : undefined;
  const grant = (unfinished ?? served)?.grant;
  const isToGo = grant?.of === "ike" || serving?.kind === "ike-key-exchange";
  if (isToGo || undecidedUntil !== undefined) {
    // A Delete that is lost once would go with the old IKE SA.
    return !["rekey-ike", "rekey-child", "new-child", "delete-child"].includes(task.kind);
  }
  if (grant === undefined) return true;
  switch (task.kind) {
    case "rekey-ike":
      return false;
    case "rekey-child":
      return grant.child.replaces !== task.spiIn;
    case "new-child":
      return String(selectorKeys(grant.child)) !== String(selectorKeys(task));
    default:
      return true;
  }
}

function perform(sa: Established, task: Task, context: IkeContext): Step {
  switch (task.kind) {
    case "delete-child":
      return deleteChildren(sa, task, context);
    case "rekey-child":
      return rekeyChild(sa, task, context);
    case "new-child":
      return newChild(sa, task, context);
    case "rekey-ike":
      // The request of the peer that is being worked on will itself make new keys or Child SAs.
      if (sa.serving !== undefined) return rekeyLater(sa, context);
      return askForIkeRekey(sa, task.how, context);
    case "liveness":
      return askInformational(sa, [], { kind: "informational" }, context);
    case "routability":
      return askRoutability(sa, task.path, context);
    case "redirect":
      return askToGo(sa, task.to, context);
    case "invalid-message-id": {
      const data = new Writer(4).u32(task.messageId).done();
      const complaint = notify(NotifyType.INVALID_MESSAGE_ID, data);
      return askInformational(sa, [complaint], { kind: "informational" }, context);
    }
    default:
      return never(task);
  }
}

type Of<K extends Task["kind"]> = Extract<Task, { kind: K }>;

/** All waiting Deletes go in one message. */
function deleteChildren(sa: Established, first: Of<"delete-child">, context: IkeContext): Step {
  const isDelete = (task: Task): task is Of<"delete-child"> => task.kind === "delete-child";
  const all = [first, ...sa.tasks.filter(isDelete)];
  const spis = all.map(({ spiIn }) => spiIn);
  const payloads: Payload[] = [{ kind: "DELETE", protocol: Protocol.ESP, spis }];
  const spisOut = all.flatMap(({ spiOut }): EspSpi[] => (spiOut === undefined ? [] : [spiOut]));
  const left: Established = { ...sa, tasks: sa.tasks.filter((task) => !isDelete(task)) };
  return askInformational(left, payloads, { kind: "delete-children", spisOut }, context);
}

/** Not if the peer has replaced it meanwhile, or is about to. */
function rekeyChild(sa: Established, { spiIn, how }: Of<"rekey-child">, context: IkeContext): Step {
  const child = sa.children.find((candidate) => candidate.spiIn === spiIn);
  if (child === undefined || child.redundantUntil !== undefined) return { sa, effects: [] };
  const isReplaced = sa.children.some((candidate) => candidate.replaces === spiIn);
  const { serving } = sa;
  const isServed =
    (serving?.kind === "child-key-exchange" && serving.plan.replaces?.spiIn === spiIn) ||
    (serving?.kind === "child-install" && serving.child.sa.replaces === spiIn);
  if (isReplaced || isServed) return { sa, effects: [] };
  const { local, remote } = how?.widely === true ? sa.policy : child;
  const { mode } = child;
  return askForChild(sa, { local, remote, mode, replaces: child, how }, context);
}

/** Not if a Child SA that carries all of it exists already. */
function newChild(sa: Established, wish: Of<"new-child">, context: IkeContext): Step {
  const isThere = sa.children.some(
    (child) => isInside(wish.local, child.local) && isInside(wish.remote, child.remote),
  );
  if (isThere || isServed(sa, wish)) return { sa, effects: [] };
  const mode = sa.policy.transport && sa.nat === "none" ? "transport" : "tunnel";
  const { local, remote, how } = wish;
  return askForChild(sa, { local, remote, mode, replaces: undefined, how }, context);
}

/** Whether the peer's request under way makes exactly this Child SA. */
function isServed({ serving }: Established, wish: Of<"new-child">): boolean {
  if (serving?.kind === "ike-auth" || serving?.kind === "child-install") {
    return String(selectorKeys(serving.child.sa)) === String(selectorKeys(wish));
  }
  return false;
}

function rekeyLater(sa: Established, context: IkeContext): Step {
  const rekeyAt = later(context.now, retryMs(sa.settings.lifetimeMs, context.random));
  return { sa: { ...sa, timers: { ...sa.timers, rekeyAt } }, effects: [] };
}

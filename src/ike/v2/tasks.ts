/** The queue of requests that we still have to send. */

import type { Instant } from "../../octets/instant.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import { TASKS_MAX } from "../limits.ts";
import type { Task } from "./asking.ts";
import type { Established } from "./established-phase.ts";

/**
 * Adds a task to the end of the queue, unless it is there already or the queue is full. A Delete
 * goes to the front: the peer may be waiting for it. What is put off is due as soon as it is wanted
 * anew.
 */
export function addTask(sa: Established, task: Task): Established {
  const known = sa.tasks.find((other) => isSameTask(other, task));
  if (known !== undefined) return isPutOff(known) && !isPutOff(task) ? withoutDelay(sa, known) : sa;
  if (sa.tasks.length >= TASKS_MAX) return sa;
  const isDelete = task.kind === "delete-child";
  return { ...sa, tasks: isDelete ? [task, ...sa.tasks] : [...sa.tasks, task] };
}

/** When the first task is due that was put off. */
export function tasksAt({ tasks }: Pick<Established, "tasks">): Instant | undefined {
  let first: Instant | undefined;
  for (const task of tasks) {
    const at = isPutOff(task) ? task.notBefore : undefined;
    if (at !== undefined && (first === undefined || at < first)) first = at;
  }
  return first;
}

/** Those whose time has come wait no longer. */
export function dueTasks(sa: Established, now: Instant): Established {
  let at = sa;
  for (const task of sa.tasks) {
    if (isPutOff(task) && task.notBefore <= now) at = withoutDelay(at, task);
  }
  return at;
}

type PutOff = Task & { readonly notBefore: Instant };

export function isPutOff(task: Task): task is PutOff {
  return task.kind === "new-child" && task.notBefore !== undefined;
}

function withoutDelay(sa: Established, task: PutOff): Established {
  const { notBefore: _, ...now } = task;
  return { ...sa, tasks: sa.tasks.map((other) => (other === task ? now : other)) };
}

function isSameTask(a: Task, b: Task): boolean {
  switch (a.kind) {
    case "delete-child":
    case "rekey-child":
      return b.kind === a.kind && b.spiIn === a.spiIn;
    case "new-child":
      return b.kind === a.kind && String(selectorKeys(a)) === String(selectorKeys(b));
    default:
      return b.kind === a.kind;
  }
}

/** Selectors as text, which is equal for equal selectors. */
export function selectorKeys(of: Pick<Task & { kind: "new-child" }, "local" | "remote">): string[] {
  return [keyOf(of.local), keyOf(of.remote)];
}

/** Computed once, because Child SAs are compared with each other at every step. */
function keyOf(selectors: readonly TrafficSelector[]): string {
  const known = keys.get(selectors);
  if (known !== undefined) return known;
  const texts = selectors.map(({ protocol, startPort, endPort, range }) => {
    const { family, first, last } = range;
    return `${protocol}/${startPort}-${endPort}/${family}/${first}-${last}`;
  });
  const key = texts.sort().join(" ");
  keys.set(selectors, key);
  return key;
}

const keys = new WeakMap<readonly TrafficSelector[], string>();

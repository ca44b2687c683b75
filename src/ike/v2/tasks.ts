/** The queue of requests that we still have to send. */

import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import { TASKS_MAX } from "../limits.ts";
import type { Task } from "./asking.ts";
import type { Established } from "./established-phase.ts";

/**
 * Adds a task to the end of the queue, unless it is there already or the queue is full. A Delete
 * goes to the front: the peer may be waiting for it.
 */
export function addTask(sa: Established, task: Task): Established {
  if (sa.tasks.length >= TASKS_MAX || sa.tasks.some((other) => isSameTask(other, task))) return sa;
  const isDelete = task.kind === "delete-child";
  return { ...sa, tasks: isDelete ? [task, ...sa.tasks] : [...sa.tasks, task] };
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

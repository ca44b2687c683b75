/**
 * Messages that arrive while the daemon starts: those of sites that are there already are handled,
 * all others wait.
 */

import type { Path } from "../inet/endpoint.ts";
import { now } from "../linux/clock.ts";

type Handle = (octets: Uint8Array, path: Path) => void;

export type Gate = {
  /** A message has arrived. */
  pass: Handle;
  /** From now on some are handled: `early` says whether this one was. */
  openFor(early: (octets: Uint8Array, path: Path) => boolean): void;
  /** From now on all are handled, first those that wait; `lost` is told how many found no room. */
  open(handle: Handle, lost: (messages: number) => void): void;
};

/** What waits: as much as several sockets have room for. */
const WAITING_MAX = 4_096;
const OCTETS_MAX = 4 * 1024 * 1024;
/** For those that wait; then sockets, timers and signals get their turn. */
const TURN_MS_MAX = 4;

/** A closed one. */
export function createGate(): Gate {
  const waiting: Parameters<Handle>[] = [];
  let octetsWaiting = 0;
  let left = 0;
  let dropped = 0;
  let early = (_octets: Uint8Array, _path: Path): boolean => false;
  let handle: Handle | undefined;
  const pass: Handle = (octets, path) => {
    if (handle !== undefined) return handle(octets, path);
    if (early(octets, path)) return;
    if (waiting.length >= WAITING_MAX || octetsWaiting + octets.length > OCTETS_MAX) {
      dropped++;
      return;
    }
    waiting.push([octets, path]);
    octetsWaiting += octets.length;
  };
  /** Each that waits is passed once more, and may wait again. */
  const drain = (): void => {
    const until = now() + TURN_MS_MAX;
    while (left > 0 && now() < until) {
      left--;
      const next = waiting.shift();
      if (next === undefined) continue;
      octetsWaiting -= next[0].length;
      pass(...next);
    }
    if (left > 0) setImmediate(drain);
  };
  const passAll = (): void => {
    const isDraining = left > 0;
    left = waiting.length;
    if (!isDraining) drain();
  };
  return {
    pass,
    openFor(known) {
      early = known;
      passAll();
    },
    open(every, lost) {
      handle = every;
      passAll();
      if (dropped > 0) lost(dropped);
    },
  };
}

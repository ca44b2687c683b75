/** Fairness between floods and everything else: how long one turn may receive datagrams. */

import { now } from "../linux/clock.ts";

export type Turn = {
  /** Call it after each datagram: beyond the limit the socket is paused until the next turn. */
  spend(socket: Pausable): void;
};

export type Pausable = {
  pause(): void;
  resume(): void;
  /** Datagrams lost since the last call. */
  lost(): number;
};

/** Then timers, database and status server get their turn, however many datagrams wait. */
const RECEIVE_MS_MAX = 4;

/**
 * One object for all sockets of the daemon. A socket loses datagrams only when it is full, and then
 * it is paused: `onLost` gets their number when its turn comes again.
 */
export function createTurn(onLost: (datagrams: number) => void): Turn {
  const paused = new Set<Pausable>();
  let endsAt: number | undefined;
  const end = () => {
    endsAt = undefined;
    let lost = 0;
    for (const socket of paused) {
      socket.resume();
      lost += socket.lost();
    }
    paused.clear();
    if (lost > 0) onLost(lost);
  };
  return {
    spend(socket) {
      if (endsAt === undefined) {
        // Measured from the first datagram, whose own cost is not included and does not matter.
        endsAt = now() + RECEIVE_MS_MAX;
        setImmediate(end);
      } else if (now() >= endsAt) {
        socket.pause();
        paused.add(socket);
      }
    },
  };
}

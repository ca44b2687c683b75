/** Fairness between floods and everything else: how long one turn may receive datagrams. */

import { now } from "../linux/clock.ts";

export type Turn = {
  /** Call it after each datagram: beyond the limit the socket is paused until the next turn. */
  spend(socket: Pausable): void;
};

export type Pausable = { pause(): void; resume(): void };

/** Then timers, database and status server get their turn, however many datagrams wait. */
const RECEIVE_MS_MAX = 4;

/** One object for all sockets of the daemon. */
export function createTurn(): Turn {
  const paused = new Set<Pausable>();
  let endsAt: number | undefined;
  const end = () => {
    endsAt = undefined;
    for (const socket of paused) socket.resume();
    paused.clear();
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

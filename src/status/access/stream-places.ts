/** Clients of the event stream: a limit for all, and one for each of them. */

/** Clients at the same time; each costs a connection and no queue. */
export const CLIENTS_MAX = 32;
/** Of one session, and of one address prefix without one. */
const PER_SESSION_MAX = 8;
const PER_PREFIX_MAX = 16;

export type Follower = {
  /** The session, or the address prefix. */
  readonly key: string;
  /** Whether it has authenticated with a token. */
  readonly isTrusted: boolean;
  /** Ends its stream, to make room for another. */
  giveWay(): void;
};

export type StreamPlaces = {
  /** Takes a place, and ends another stream if needed; false if there is none to end. */
  take(follower: Follower): boolean;
  leave(follower: Follower): void;
  /** Streams that were ended or refused because all places were taken, since start. */
  readonly refused: number;
  readonly size: number;
};

/** All places are free. */
export function createStreamPlaces(): StreamPlaces {
  /** The oldest first. */
  const followers = new Set<Follower>();
  let refused = 0;
  const end = (follower: Follower | undefined): boolean => {
    if (follower === undefined) return false;
    followers.delete(follower);
    refused++;
    follower.giveWay();
    return true;
  };
  return {
    take(follower) {
      const own = [...followers].filter(({ key }) => key === follower.key);
      const ownMax = follower.isTrusted ? PER_SESSION_MAX : PER_PREFIX_MAX;
      if (own.length >= ownMax) end(own[0]);
      else if (followers.size >= CLIENTS_MAX) {
        const stranger = [...followers].find(({ isTrusted }) => !isTrusted);
        if (!end(stranger)) {
          refused++;
          return false;
        }
      }
      followers.add(follower);
      return true;
    },
    leave: (follower) => void followers.delete(follower),
    get refused() {
      return refused;
    },
    get size() {
      return followers.size;
    },
  };
}

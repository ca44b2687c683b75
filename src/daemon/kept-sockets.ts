/**
 * Sockets that outlive this process. While no process has UDP port 4500 open, the kernel cannot
 * take ESP out of UDP, and sites behind NAT hear that nobody is there.
 */

import { type Endpoint, formatEndpoint } from "../inet/endpoint.ts";
import { boundEndpoint } from "../linux/bound-socket.ts";
import { type Libc, openLibc } from "../linux/libc.ts";
import { type PassedDescriptor, passedDescriptors } from "../linux/passed-descriptors.ts";
import { openDescriptorStore } from "./descriptor-store.ts";
import { openSocketHolder, takeFromHolder } from "./socket-holder.ts";
import type { KeepingPlace, KeptSocket, SocketStore } from "./socket-store.ts";

export type KeptSockets = {
  /** The socket that an earlier process left open at this place, once; it belongs to the caller. */
  take(local: Endpoint): number | undefined;
  /** From now on these outlive this process, and no others; what was not taken is closed. */
  keep(sockets: readonly KeptSocket[]): void;
  /** Whether this place may still be taken for a moment by a socket that is no longer kept. */
  isLeaving(local: Endpoint): boolean;
  /** From now on none outlives this process. */
  release(): void;
};

/**
 * Finds what an earlier process left. Sockets are kept by the service manager if there is one that
 * listens to us, otherwise by a process of its own, if there is a folder to find it again.
 */
export async function openKeptSockets(place: KeepingPlace): Promise<KeptSockets> {
  const libc = openLibc();
  if (!libc.ok) return KEEPS_NOTHING;
  const passed = passedDescriptors(libc.value, place.environment);
  const held = await takeFromHolder(libc.value, place);
  const all = [...passed, ...held.map((fd) => ({ fd, name: "" }))];
  return new Kept(libc.value, { found: all, store: storeOf(libc.value, place, passed), place });
}

function storeOf(
  libc: Libc,
  { environment, folder, note }: KeepingPlace,
  passed: readonly PassedDescriptor[],
): SocketStore | undefined {
  const { NOTIFY_SOCKET: manager = "" } = environment;
  if (manager !== "") return openDescriptorStore(libc, { manager, passed, note });
  return folder === undefined ? undefined : openSocketHolder(folder, note);
}

/** Without a place for them, sockets end with this process. */
export const KEEPS_NOTHING: KeptSockets = {
  take: () => undefined,
  keep: () => undefined,
  isLeaving: () => false,
  release: () => undefined,
};

type Start = {
  readonly found: readonly PassedDescriptor[];
  readonly store: SocketStore | undefined;
  readonly place: KeepingPlace;
};

class Kept implements KeptSockets {
  readonly #libc: Libc;
  readonly #store: SocketStore | undefined;
  readonly #nowMs: () => number;
  /** By the text of their place, until they are taken. */
  readonly #found = new Map<string, number>();
  /** What the store has now. */
  #kept: ReadonlySet<string> = new Set();
  /** Until when a place may still be taken. */
  readonly #leaving = new Map<string, number>();

  constructor(libc: Libc, { found, store, place: { nowMs } }: Start) {
    this.#libc = libc;
    this.#store = store;
    this.#nowMs = nowMs;
    for (const { fd } of found) {
      const local = boundEndpoint(libc, fd);
      const text = local === undefined ? "" : formatEndpoint(local);
      // Something else, or a second copy.
      if (local === undefined || this.#found.has(text)) libc.close(fd);
      else this.#found.set(text, fd);
    }
    this.#kept = new Set(this.#found.keys());
  }

  take(local: Endpoint): number | undefined {
    const text = formatEndpoint(local);
    const fd = this.#found.get(text);
    this.#found.delete(text);
    return fd;
  }

  keep(sockets: readonly KeptSocket[]): void {
    for (const fd of this.#found.values()) this.#libc.close(fd);
    this.#found.clear();
    const texts = new Set(sockets.map(({ local }) => formatEndpoint(local)));
    const gone = [...this.#kept].filter((text) => !texts.has(text));
    this.#leaving.clear();
    for (const text of gone) this.#leaving.set(text, this.#nowMs() + LEAVING_MS);
    this.#kept = texts;
    this.#store?.put(sockets);
  }

  isLeaving(local: Endpoint): boolean {
    return (this.#leaving.get(formatEndpoint(local)) ?? 0) > this.#nowMs();
  }

  release(): void {
    this.#store?.clear();
  }
}

/** Within this time the store has closed what is no longer kept. */
const LEAVING_MS = 2_000;

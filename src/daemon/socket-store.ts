/** What keeps sockets open beyond this process, and where it may be. */

import type { Endpoint } from "../inet/endpoint.ts";
import type { Note } from "./reload.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";

export type KeptSocket = { readonly local: Endpoint; readonly descriptor: number };

/** What keeps sockets open: the service manager, or a process that does nothing else. */
export type SocketStore = {
  put(sockets: readonly KeptSocket[]): void;
  clear(): void;
};

export type KeepingPlace = {
  readonly environment: Partial<Record<string, string>>;
  readonly folder: RuntimeFolder | undefined;
  readonly note: (entry: Note) => void;
  readonly nowMs: () => number;
};

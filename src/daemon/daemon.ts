/** What a running daemon holds: opened at the start, closed at the end. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { Journal, JournalEntry } from "../concentrator/journal/journal.ts";
import type { Routes } from "../linux/routes.ts";
import type { Kernel } from "../linux/xfrm-kernel.ts";
import type { StatusServer } from "../status/server.ts";
import type { Attempts } from "../why/attempts.ts";
import type { Captures } from "./capture.ts";
import type { CompilerThreads } from "./compiler-threads.ts";
import type { Debugging } from "./debugging.ts";
import type { SiteCount } from "./expected.ts";
import type { KeptEvents } from "./keep/keep-events.ts";
import type { Keeper, TakenOver } from "./keep/keeper.ts";
import type { KeptSockets } from "./kept-sockets.ts";
import type { KeyExchanger } from "./key-exchange.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { Polling } from "./poll.ts";
import type { Recorder } from "./record.ts";
import type { LoadConfig, Reloadable } from "./reload.ts";
import type { Audits } from "./resync.ts";
import type { RuntimeFolder } from "./runtime-folder.ts";
import type { Shell } from "./shell.ts";
import type { Signer } from "./signer.ts";
import type { IkeSockets } from "./sockets.ts";
import type { IdleWarmUp } from "./warm-up.ts";
import type { DatabaseWatch } from "./watch-databases.ts";

export type RunOptions = {
  readonly configFile: string;
  /** Reads the file again, for a reload. */
  readonly load: LoadConfig;
};

/** Everything that was opened, to be closed again. */
export type Daemon = Reloadable & {
  isEnding: boolean;
  readonly journal: Journal;
  readonly attempts: Attempts;
  readonly failures: ReadonlyMap<string, number>;
  readonly loop: LoopWatch;
  readonly debugging: Debugging;
  readonly captures: Captures;
  /** Called for each record: the event streams. */
  readonly listeners: Set<() => void>;
  readonly recorder: Recorder;
  /** Adds an entry to the sites' histories, the journal and the log. */
  readonly record: (entry: JournalEntry) => void;
  kernel: Kernel | undefined;
  routes: Routes | undefined;
  /** For what outlives this process. */
  folder: RuntimeFolder | undefined;
  /** The sockets that outlive it. */
  kept: KeptSockets;
  sockets: IkeSockets | undefined;
  readonly keyExchanger: KeyExchanger;
  readonly signer: Signer;
  concentrator: Concentrator;
  /** Undefined: nothing is kept for the next start. */
  keeper: Keeper | undefined;
  /** Undefined: neither are events. */
  keptEvents: KeptEvents | undefined;
  readonly compilers: CompilerThreads;
  warmUp: IdleWarmUp | undefined;
  /** Undefined: nothing was read at the start. */
  takenOver: TakenOver | undefined;
  shell: Shell | undefined;
  status: StatusServer | undefined;
  watch: DatabaseWatch | undefined;
  /** Counts the rows. */
  sites: SiteCount | undefined;
  polling: Polling | undefined;
  /** Compares the kernel's tables with ours. */
  audits: Audits | undefined;
  /** Takes samples for the charts. */
  sampling: ReturnType<typeof setInterval> | undefined;
};

/** A bug that was caught: it is in the log. */
export function noteBug(daemon: Pick<Daemon, "note">, fault: unknown): void {
  const detail = `please report this bug: ${fault instanceof Error ? fault.stack : fault}`;
  daemon.note({ level: "error", outcome: "failed", reason: "internal-error", detail });
}

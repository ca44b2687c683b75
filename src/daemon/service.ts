/** Reports to the service manager: ready, reloading, stopping, still alive (man 3 sd_notify). */

import { openLibc } from "../linux/libc.ts";
import { type NotifySocket, openNotifySocket } from "../linux/notify-socket.ts";
import { errnoName } from "../xfrm/errno.ts";
import type { Note } from "./reload.ts";

/** Does nothing if there is no service manager. */
export type Service = {
  /** Everything is open. From now on the manager's watchdog is fed, too. */
  ready(): void;
  /** The text that the manager shows (`systemctl status`) when we cannot go on. */
  failed(why: string): void;
  /** Runs `work` between the two messages that enclose a reload, or several that overlap. */
  whileReloading(work: () => Promise<void>): Promise<void>;
  stopping(): void;
  /** The end takes longer than the manager expects: at least so long from now on. */
  stillStopping(ms: number): void;
  close(): void;
};

type Environment = Readonly<Partial<Record<string, string>>>;

/** Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`; a socket that fails is noted. */
export function openService(environment: Environment, note: (entry: Note) => void): Service {
  const socket = openSocket(environment, note);
  let isReady = false;
  let reloads = 0;
  let watchdog: ReturnType<typeof setInterval> | undefined;
  const tell = (text: string): void => {
    const sent = socket?.send(text) ?? 0;
    if (sent < 0) note(fault(`${text.split("\n", 1)[0]} was not sent: ${errnoName(-sent)}`));
  };
  return {
    ready() {
      isReady = true;
      tell("READY=1");
      const everyMs = watchdogMs(environment);
      if (socket === undefined || everyMs === undefined) return;
      // In the event loop that serves the sites: when that hangs, the manager restarts us.
      tell("WATCHDOG=1");
      watchdog = setInterval(() => tell("WATCHDOG=1"), everyMs);
      watchdog.unref();
    },
    async whileReloading(work) {
      // Before that it would be read as the end of the start.
      if (!isReady) return await work();
      if (reloads++ === 0) tell("RELOADING=1");
      try {
        await work();
      } finally {
        if (--reloads === 0) tell("READY=1");
      }
    },
    failed: (why) => tell(`STATUS=${why.replace(/\s*\n\s*/g, " / ").slice(0, STATUS_LENGTH_MAX)}`),
    stopping: () => tell("STOPPING=1"),
    stillStopping: (ms) => tell(`EXTEND_TIMEOUT_USEC=${ms * 1_000}`),
    close() {
      clearInterval(watchdog);
      socket?.close();
    },
  };
}

function openSocket(
  environment: Environment,
  note: (entry: Note) => void,
): NotifySocket | undefined {
  const { NOTIFY_SOCKET: name } = environment;
  if (name === undefined || name === "") return undefined;
  const libc = openLibc();
  if (!libc.ok) return undefined;
  const socket = openNotifySocket(libc.value, name);
  if (socket.ok) return socket.value;
  note(fault(`NOTIFY_SOCKET: ${errnoName(socket.error)}`));
  return undefined;
}

/** Half of the manager's interval, so that one late turn is harmless; undefined: no watchdog. */
function watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: Environment): number | undefined {
  if (pid !== undefined && pid !== String(process.pid)) return undefined;
  if (usec === undefined || !/^[1-9][0-9]{0,14}$/.test(usec)) return undefined;
  return Math.min(WATCHDOG_MS_MAX, Math.max(1, Number(usec) / 2_000));
}

const STATUS_LENGTH_MAX = 500;
const WATCHDOG_MS_MAX = 60_000;

function fault(detail: string): Note {
  return { level: "warning", reason: "service-manager", detail };
}

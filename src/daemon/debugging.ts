/** Sites that are looked at closely for a while, and the level of the log while it runs. */

import { traceKey } from "../concentrator/negotiation/trace.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";
import { err, ok, type Result } from "../octets/result.ts";

/** At the same time: each costs its lines in the log. */
const SITES_MAX = 16;

export type Debugging = {
  /** Looks at a peer ID or an address for so long; the error says why not. */
  on(asked: string, seconds: number): Result<undefined, string>;
  /** Whether it was looked at. */
  off(asked: string): boolean;
  /** What is looked at, with the seconds that are left. */
  list(): readonly { readonly asked: string; readonly seconds: number }[];
  /** Whether a record of this site is written whatever its level. */
  wants(peerId: string | undefined, remote: string | undefined): boolean;
  /** Nothing is left to do. */
  stop(): void;
};

export type DebuggingSettings = {
  /** Monotonic. */
  nowMs(): number;
  /** The sites that the engine has to look at are these from now on. */
  onChange(traced: ReadonlySet<string>): void;
};

/** Nobody is looked at. */
export function createDebugging({ nowMs, onChange }: DebuggingSettings): Debugging {
  const sites = new Map<string, { readonly asked: string; readonly untilMs: number }>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const changed = () => {
    onChange(new Set(sites.keys()));
    clearTimeout(timer);
    const next = Math.min(...[...sites.values()].map(({ untilMs }) => untilMs));
    if (sites.size === 0) return;
    timer = setTimeout(expire, Math.max(0, next - nowMs()));
    timer.unref();
  };
  const expire = () => {
    for (const [key, { untilMs }] of sites) if (untilMs <= nowMs()) sites.delete(key);
    changed();
  };

  return {
    on(asked, seconds) {
      const key = keyOf(asked);
      if (!sites.has(key) && sites.size >= SITES_MAX) {
        return err(`${SITES_MAX} sites are looked at already: switch one off first`);
      }
      sites.set(key, { asked, untilMs: nowMs() + seconds * 1_000 });
      changed();
      return ok(undefined);
    },
    off(asked) {
      const was = sites.delete(keyOf(asked));
      if (was) changed();
      return was;
    },
    list: () =>
      [...sites.values()].map(({ asked, untilMs }) => ({
        asked,
        seconds: Math.max(0, Math.ceil((untilMs - nowMs()) / 1_000)),
      })),
    wants(peerId, remote) {
      if (sites.size === 0) return false;
      if (peerId !== undefined && sites.has(traceKey(peerId))) return true;
      const host = remote?.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
      return host !== undefined && sites.has(host);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Addresses are written in one way only; an ID that looks like one is found by it as well. */
function keyOf(asked: string): string {
  const address = parseAddress(asked);
  return address === undefined ? traceKey(asked) : formatAddress(address);
}

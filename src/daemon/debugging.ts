/** Sites that are traced for a while, and the level of the log at run time. */

import { traceKey } from "../concentrator/negotiation/trace.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";
import { err, ok, type Result } from "../octets/result.ts";

/** At the same time: each costs its lines in the log. */
const SITES_MAX = 16;

export type Debugging = {
  /** Traces a peer ID or an address for some time; the error says why not. */
  on(asked: string, seconds: number): Result<undefined, string>;
  /** Whether it was traced. */
  off(asked: string): boolean;
  /** What is traced, with the remaining seconds. */
  list(): readonly { readonly asked: string; readonly seconds: number }[];
  /** Whether a record of this site is written at any level. */
  wants(peerId: string | undefined, remote: string | undefined): boolean;
  /** Nothing remains to be done. */
  stop(): void;
};

export type DebuggingSettings = {
  /** Monotonic. */
  nowMs(): number;
  /** From now on the engine has to trace these sites. */
  onChange(traced: ReadonlySet<string>): void;
};

/** No site is traced. */
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
        return err(`${SITES_MAX} sites are traced already: switch one off first`);
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

/** Addresses are written in one form only; an ID that looks like one is found by it as well. */
function keyOf(asked: string): string {
  const address = parseAddress(asked);
  return address === undefined ? traceKey(asked) : formatAddress(address);
}

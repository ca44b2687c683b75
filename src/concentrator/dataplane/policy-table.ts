/**
 * Who uses which policy of the kernel. A Child SA has three for each pair of selectors: in, forward
 * and out. Nearly always it alone uses all three, so a pair has one entry.
 */

import type { EspSpi } from "../../inet/esp-spi.ts";
import { textKeys } from "../../octets/key-column.ts";
import { LongMap } from "../../octets/long-map.ts";
import type { XfrmPolicy } from "../../xfrm/policy.ts";

/** A Child SA, by our SPI; or the policy itself, which stands without an SA. */
export type PolicyUser = EspSpi | XfrmPolicy;

/** In the order in which they came: the template of the last one is in force. */
type Users = readonly PolicyUser[];

type Direction = "in" | "fwd" | "out";

/** The Child SA that alone uses all three; else the users of each. */
type Pair = EspSpi | { readonly [D in Direction]: Users };

const NOBODY: Users = [];
const UNUSED: Exclude<Pair, EspSpi> = { in: NOBODY, fwd: NOBODY, out: NOBODY };
const DIRECTIONS = ["in", "fwd", "out"] as const;

/** Policies by their names (`formatPolicyId`). */
export class PolicyTable {
  /** By the name of the pair, as it is in the direction to us. */
  readonly #pairs = new LongMap<string, Pair>(textKeys);
  #size = 0;

  /** How many policies have a user. */
  get size(): number {
    return this.#size;
  }

  /** Who uses the policy of this name. */
  usersOf(name: string): Users {
    const { direction, pair } = placeOf(name);
    const held = direction === undefined ? undefined : this.#pairs.get(pair);
    if (held === undefined || direction === undefined) return NOBODY;
    return typeof held === "number" ? [held] : held[direction];
  }

  /** Whether nobody uses a policy of the pair; `inward` is the name of the one in. */
  isPairFree(inward: string): boolean {
    return !this.#pairs.has(placeOf(inward).pair);
  }

  /** A Child SA alone uses all three policies of a pair; false: the pair is not free. */
  takePair(inward: string, user: EspSpi): boolean {
    const { pair } = placeOf(inward);
    if (this.#pairs.has(pair)) return false;
    this.#pairs.set(pair, user);
    this.#size += DIRECTIONS.length;
    return true;
  }

  /** From now on these use it; without any, it is no longer there. What is no name is left out. */
  put(name: string, users: Users): void {
    const { direction, pair } = placeOf(name);
    if (direction === undefined) return;
    const held = this.#pairs.get(pair);
    const before = held === undefined ? UNUSED : typeof held === "number" ? allOf(held) : held;
    this.#size += Number(users.length > 0) - Number(before[direction].length > 0);
    const inward = direction === "in" ? users : before.in;
    const fwd = direction === "fwd" ? users : before.fwd;
    const out = direction === "out" ? users : before.out;
    if (inward.length + fwd.length + out.length === 0) this.#pairs.delete(pair);
    else this.#pairs.set(pair, onlyUserOf(inward, fwd, out) ?? { in: inward, fwd, out });
  }

  /** From now on it is the last of {@link names}. */
  moveToEnd(name: string): void {
    const { pair } = placeOf(name);
    const held = this.#pairs.get(pair);
    if (held === undefined) return;
    this.#pairs.delete(pair);
    this.#pairs.set(pair, held);
  }

  /** These Child SAs use none any more; returns the names of those that others still use. */
  forget(gone: ReadonlySet<EspSpi>): readonly string[] {
    const isGone = (user: PolicyUser) => typeof user === "number" && gone.has(user);
    const names: string[] = [];
    for (const [pair, held] of this.#pairs) {
      if (typeof held === "number" && !gone.has(held)) continue;
      const all = typeof held === "number" ? allOf(held) : held;
      for (const direction of DIRECTIONS) {
        if (all[direction].some(isGone)) names.push(nameOf(direction, pair));
      }
    }
    return names.filter((name) => {
      const left = this.usersOf(name).filter((user) => !isGone(user));
      this.put(name, left);
      return left.length > 0;
    });
  }

  /** Those that no Child SA uses alone in all directions; undefined for each pair that one does. */
  *shared(): Generator<{ readonly name: string; readonly users: Users } | undefined, undefined> {
    for (const [pair, held] of this.#pairs) {
      if (typeof held === "number") yield undefined;
      else {
        for (const direction of DIRECTIONS) {
          const users = held[direction];
          if (users.length > 0) yield { name: nameOf(direction, pair), users };
        }
      }
    }
    return undefined;
  }

  /** Puts the users of each policy in the order of their ranks. */
  sortUsers(rankOf: (user: PolicyUser) => number): void {
    const sorted = (users: Users) => users.toSorted((a, b) => rankOf(a) - rankOf(b));
    for (const [pair, held] of this.#pairs) {
      if (typeof held === "number") continue;
      const { in: inward, fwd, out } = held;
      this.#pairs.set(pair, { in: sorted(inward), fwd: sorted(fwd), out: sorted(out) });
    }
  }

  /** The names of all that have a user. */
  *names(): Generator<string, undefined> {
    for (const [pair, held] of this.#pairs) {
      for (const direction of DIRECTIONS) {
        if (typeof held === "number" || held[direction].length > 0) yield nameOf(direction, pair);
      }
    }
    return undefined;
  }
}

function allOf(spi: EspSpi): Exclude<Pair, EspSpi> {
  return { in: [spi], fwd: [spi], out: [spi] };
}

function onlyUserOf(inward: Users, fwd: Users, out: Users): EspSpi | undefined {
  if (inward.length !== 1 || fwd.length !== 1 || out.length !== 1) return undefined;
  const [user] = inward;
  return typeof user === "number" && fwd[0] === user && out[0] === user ? user : undefined;
}

const BEFORE = "policy ";
const TO = " -> ";
const PORTS = " ports ";

/** The direction in a name, and what the names of all three have in common. */
function placeOf(name: string): Place {
  if (name.startsWith("in ", BEFORE.length)) return { direction: "in", pair: name.slice(IN) };
  if (name.startsWith("fwd ", BEFORE.length)) return { direction: "fwd", pair: name.slice(FWD) };
  if (!name.startsWith("out ", BEFORE.length)) return { direction: undefined, pair: name };
  return { direction: "out", pair: turned(name.slice(FWD)) };
}

/** Without a direction it is no name of a policy. */
type Place = { readonly direction: Direction | undefined; readonly pair: string };

/** Where the selector begins; "fwd" and "out" are of one length. */
const IN = BEFORE.length + "in ".length;
const FWD = BEFORE.length + "fwd ".length;

function nameOf(direction: Direction, pair: string): string {
  return `${BEFORE}${direction} ${direction === "out" ? turned(pair) : pair}`;
}

/** A selector as the packets of the other direction have it: both ends change their places. */
function turned(selector: string): string {
  const [src, dst, afterPrefixes] = endsIn(selector, 0);
  const ports = selector.indexOf(PORTS, afterPrefixes);
  if (ports < 0) return `${dst}${TO}${src}${selector.slice(afterPrefixes)}`;
  const from = ports + PORTS.length;
  const [srcPort, dstPort, end] = endsIn(selector, from);
  const between = selector.slice(afterPrefixes, from);
  return `${dst}${TO}${src}${between}${dstPort}${TO}${srcPort}${selector.slice(end)}`;
}

/** Both ends of an arrow, and where the second one ends. */
function endsIn(text: string, from: number): readonly [string, string, number] {
  const arrow = text.indexOf(TO, from);
  const space = text.indexOf(" ", arrow + TO.length);
  const end = space < 0 ? text.length : space;
  return [text.slice(from, arrow), text.slice(arrow + TO.length, end), end];
}

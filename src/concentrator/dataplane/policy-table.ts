/**
 * Who uses which policy of the kernel. A Child SA has three for each pair of selectors: in, forward
 * and out. Nearly always it alone uses all three, so a pair has one entry.
 */

import type { EspSpi } from "../../inet/esp-spi.ts";
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
  readonly #pairs = new LongMap<string, Pair>();
  #size = 0;

  /** How many policies have a user. */
  get size(): number {
    return this.#size;
  }

  /** Who uses the policy of this name. */
  usersOf(name: string): Users {
    const { direction, pair } = placeOf(name);
    const held = this.#pairs.get(pair);
    if (held === undefined) return NOBODY;
    return typeof held === "number" ? [held] : held[direction];
  }

  /** From now on these use it; without any, it is no longer there. */
  put(name: string, users: Users): void {
    const { direction, pair } = placeOf(name);
    const held = this.#pairs.get(pair);
    const before = held === undefined ? UNUSED : typeof held === "number" ? allOf(held) : held;
    this.#size += Number(users.length > 0) - Number(before[direction].length > 0);
    const next: Exclude<Pair, EspSpi> = {
      in: direction === "in" ? users : before.in,
      fwd: direction === "fwd" ? users : before.fwd,
      out: direction === "out" ? users : before.out,
    };
    if (DIRECTIONS.every((one) => next[one].length === 0)) this.#pairs.delete(pair);
    else this.#pairs.set(pair, onlyUserOf(next) ?? next);
  }

  /** From now on it is the last of {@link names}. */
  moveToEnd(name: string): void {
    const { pair } = placeOf(name);
    const held = this.#pairs.get(pair);
    if (held === undefined) return;
    this.#pairs.delete(pair);
    this.#pairs.set(pair, held);
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

function onlyUserOf(pair: Exclude<Pair, EspSpi>): EspSpi | undefined {
  const [user] = pair.in;
  if (typeof user !== "number") return undefined;
  const isAlone = DIRECTIONS.every((one) => pair[one].length === 1 && pair[one][0] === user);
  return isAlone ? user : undefined;
}

const BEFORE = "policy ";
const TO = " -> ";
const PORTS = " ports ";

/** The direction in a name, and what the names of all three have in common. */
function placeOf(name: string): { readonly direction: Direction; readonly pair: string } {
  const at = name.indexOf(" ", BEFORE.length);
  const direction = name.slice(BEFORE.length, at) as Direction;
  const selector = name.slice(at + 1);
  return { direction, pair: direction === "out" ? turned(selector) : selector };
}

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

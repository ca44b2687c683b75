/** The table of policies against a plain map: pairs of selectors are only how it is stored. */

import { expect, test } from "bun:test";
import { PolicyTable, type PolicyUser } from "../../../src/concentrator/dataplane/policy-table.ts";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import { onePort } from "../../../src/inet/port-block.ts";
import type { Prefix } from "../../../src/inet/prefix.ts";
import type { XfrmPolicyId } from "../../../src/xfrm/policy.ts";
import { formatPolicyId } from "../../../src/xfrm/request.ts";
import { prefixOfText } from "../../simulation/plan.ts";
import { createPrng, type Prng } from "../../simulation/prng.ts";

const PREFIXES = [
  prefixOfText("10.0.0.0/16"),
  prefixOfText("192.0.2.1/32"),
  prefixOfText("2001:db8::/32"),
] as const;
const PORTS = [undefined, onePort(443), { port: 1024, mask: 0xfc00 }] as const;

test("each policy has its own users, whatever is true of the other two directions", () => {
  const prng = createPrng(3);
  const table = new PolicyTable();
  const plain = new Map<string, readonly PolicyUser[]>();
  for (let deed = 0; deed < 20_000; deed++) {
    const name = formatPolicyId(drawId(prng));
    const count = prng.chance(0.7) ? 1 : prng.below(3);
    const users = Array.from({ length: count }, () => asEspSpi(1 + prng.below(2)));
    table.put(name, users);
    if (users.length === 0) plain.delete(name);
    else plain.set(name, users);
    if (deed % 50 === 0) expect([...table.names()].sort()).toEqual([...plain.keys()].sort());
    expect(table.usersOf(name)).toEqual(users);
    expect(table.size).toBe(plain.size);
  }
  for (const [name, users] of plain) expect(table.usersOf(name)).toEqual(users);
  const alone = [...table.shared()].filter((one) => one === undefined).length;
  const shared = [...table.shared()].flatMap((one) => (one === undefined ? [] : [one.name]));
  expect(3 * alone + shared.length).toBe(plain.size);
  expect(alone).toBeGreaterThan(0);
});

test("what is no name of a policy has no users, and gets none", () => {
  const table = new PolicyTable();
  for (const name of [
    "",
    "policy",
    "policy aside 10.0.0.0/8 -> 10.0.0.0/8",
    "policy out",
    "\u0000",
  ]) {
    table.put(name, [asEspSpi(1)]);
    table.put(name, []);
    expect(table.usersOf(name)).toEqual([]);
  }
  expect(table.size).toBe(0);
});

test("a pair is taken whole if nobody uses one of its policies, whichever it is", () => {
  const prng = createPrng(4);
  const table = new PolicyTable();
  const each = new PolicyTable();
  let taken = 0;
  for (let deed = 0; deed < 5_000; deed++) {
    const names = namesOfPair(drawId(prng));
    const [inward] = names;
    const user = asEspSpi(1 + prng.below(3));
    const isFree = names.every((name) => each.usersOf(name).length === 0);
    expect(table.isPairFree(inward)).toBe(isFree);
    expect(table.takePair(inward, user)).toBe(isFree);
    if (isFree) {
      taken++;
      for (const name of names) each.put(name, [user]);
    }
    const changed = prng.pick(names);
    const users = prng.chance(0.6) ? [] : [asEspSpi(9)];
    for (const one of [table, each]) one.put(changed, users);
    for (const name of names) expect(table.usersOf(name)).toEqual(each.usersOf(name));
    expect(table.size).toBe(each.size);
  }
  expect([...table.names()].sort()).toEqual([...each.names()].sort());
  expect(taken).toBeGreaterThan(100);
});

/** In, forward and out: those of the other direction have both ends in each other's place. */
function namesOfPair({ selector, ...more }: XfrmPolicyId): readonly [string, string, string] {
  const { src, dst, protocol, srcPort, dstPort } = selector;
  const turned = { src: dst, dst: src, protocol, srcPort: dstPort, dstPort: srcPort };
  return [
    formatPolicyId({ ...more, direction: "in", selector }),
    formatPolicyId({ ...more, direction: "fwd", selector }),
    formatPolicyId({ ...more, direction: "out", selector: turned }),
  ];
}

test("the users of each policy are put in order", () => {
  const table = new PolicyTable();
  const [pair] = idsOf("10.1.0.0/24", "10.0.0.0/16");
  if (pair === undefined) throw new Error("there is one");
  table.put(pair, [asEspSpi(7), asEspSpi(5), asEspSpi(6)]);
  table.sortUsers(Number);
  expect(table.usersOf(pair)).toEqual([5, 6, 7].map(asEspSpi));
});

test("the last pair that was moved is the last of all", () => {
  const table = new PolicyTable();
  const [first, ...others] = [
    ...idsOf("10.1.0.0/24", "10.0.0.0/16"),
    ...idsOf("10.2.0.0/24", "::/0"),
  ];
  if (first === undefined) throw new Error("there is one");
  for (const name of [first, ...others]) table.put(name, [asEspSpi(1)]);
  table.moveToEnd(first);
  expect([...table.names()].slice(-3)).toContain(first);
});

function idsOf(remote: string, local: string): readonly string[] {
  const [there, here] = [prefixOfText(remote), prefixOfText(local)];
  return (["in", "fwd", "out"] as const).map((direction) => {
    const [src, dst] = direction === "out" ? [here, there] : [there, here];
    const selector = { src, dst, protocol: 0, srcPort: undefined, dstPort: undefined };
    return formatPolicyId({ direction, selector, mark: undefined, ifId: undefined });
  });
}

function drawId(prng: Prng): XfrmPolicyId {
  const [src, dst] = [drawPrefix(prng), drawPrefix(prng)];
  const hasPorts = prng.chance(0.3);
  return {
    direction: prng.pick(["in", "fwd", "out"] as const),
    selector: {
      src,
      dst,
      protocol: hasPorts || prng.chance(0.2) ? 6 : 0,
      srcPort: hasPorts ? prng.pick(PORTS) : undefined,
      dstPort: hasPorts ? prng.pick(PORTS) : undefined,
    },
    mark: prng.chance(0.2) ? { value: 1, mask: 0xff } : undefined,
    ifId: prng.chance(0.2) ? 5 : undefined,
  };
}

function drawPrefix(prng: Prng): Prefix {
  return prng.pick(PREFIXES);
}

test("users that are forgotten leave all policies; those that others use are named", () => {
  const prng = createPrng(4);
  const table = new PolicyTable();
  const plain = new Map<string, readonly PolicyUser[]>();
  for (let deed = 0; deed < 2_000; deed++) {
    const name = formatPolicyId(drawId(prng));
    const users = Array.from({ length: 1 + prng.below(3) }, () => asEspSpi(1 + prng.below(4)));
    table.put(name, users);
    plain.set(name, users);
  }
  const gone = new Set([asEspSpi(1), asEspSpi(3)]);
  const left = (users: readonly PolicyUser[]) =>
    users.filter((user) => typeof user !== "number" || !gone.has(user));
  const concerned = [...plain].filter(([, users]) => left(users).length < users.length);
  const others = concerned.filter(([, users]) => left(users).length > 0).map(([name]) => name);
  expect([...table.forget(gone)].sort()).toEqual(others.sort());
  for (const [name, users] of plain) expect(table.usersOf(name)).toEqual(left(users));
  expect(table.size).toBe([...plain.values()].filter((users) => left(users).length > 0).length);
  expect(others.length).toBeGreaterThan(0);
});

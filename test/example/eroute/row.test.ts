/**
 * Columns that few tables have, and lists of subnets: what a row may contain, and what is refused.
 */

import { expect, test } from "bun:test";
import { Ke } from "../../../src/crypto/transform.ts";
import { DEFAULT_CHILD, DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import { type DynamicEroute, dynamicErouteOf } from "../../../src/eroute/dynamic-eroute.ts";
import { asPeerId } from "../../../src/eroute/peer-id.ts";
import type { PeerRow } from "../../../src/eroute/row.ts";
import type { RowFault } from "../../../src/eroute/row-fault.ts";
import {
  childWith,
  inactivityWith,
  NO_ROW_OPTIONS,
  suitesWith,
} from "../../../src/eroute/row-options.ts";
import { formatPrefix, type Prefix } from "../../../src/inet/prefix.ts";
import { IKE_SUITE } from "../../simulation/plan.ts";
import { baseEroute, egroup, peerRow, prefix } from "./plan.ts";

const BASE = baseEroute({ remoteSubnets: [prefix("192.168.0.0/16"), prefix("2001:db8::/32")] });

function taken(changes: Partial<PeerRow>): DynamicEroute {
  const result = dynamicErouteOf(BASE, egroup(), asPeerId("site-1"), [peerRow(changes)]);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

function refused(changes: Partial<PeerRow>): RowFault {
  const result = dynamicErouteOf(BASE, egroup(), asPeerId("site-1"), [peerRow(changes)]);
  if (result.ok) throw new Error(`the row was taken: ${JSON.stringify(changes)}`);
  return result.error;
}

const texts = (subnets: readonly Prefix[]) => subnets.map(formatPrefix);

test("R10: a site may have several subnets, with commas or blanks between them", () => {
  const two = ["192.168.1.0/24", "192.168.7.0/25"];
  for (const remip of [two.join(","), two.join(", "), ` ${two.join("  ")} `, two.join("\n,")]) {
    expect(texts(taken({ remip, remmsk: null }).remoteSubnets)).toEqual(two);
  }
  const oneMask = { remip: "192.168.1.0, 192.168.7.0", remmsk: "255.255.255.128" };
  expect(texts(taken(oneMask).remoteSubnets)).toEqual(["192.168.1.0/25", "192.168.7.0/25"]);
  const egroupMask = { remip: "192.168.1.0 2001:db8:1::/48 192.168.1.9", remmsk: null };
  expect(texts(taken(egroupMask).remoteSubnets)).toEqual(["192.168.1.0/24", "2001:db8:1::/48"]);
});

test("R10: each of them has to lie inside the base eroute's, and there are 64 at most", () => {
  const outside = refused({ remip: "192.168.1.0/24, 10.0.0.0/24", remmsk: null });
  expect(outside).toMatchObject({ kind: "outside-base-subnet", column: "remip" });
  expect(outside.detail).toContain("10.0.0.0/24");
  expect(refused({ remip: "192.168.1.0/24, elsewhere" }).kind).toBe("bad-subnet");
  expect(refused({ remip: ", ," }).kind).toBe("no-subnet");
  const list = (count: number) => Array.from({ length: count }, (_, i) => `192.168.${i}.0`).join();
  expect(taken({ remip: list(64) }).remoteSubnets).toHaveLength(64);
  const many = refused({ remip: list(65) });
  expect(many).toMatchObject({ kind: "too-many-subnets", column: "remip" });
  expect(many.detail).toContain("holds 65 subnets, at most 64");
});

test("R10: a row with more pairs of subnets than fit into a Child SA is refused", () => {
  const list = (start: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${start}.${i}.0/24`).join();
  const locip = (count: number) => list("10.0", count);
  expect(taken({ locip: locip(16), remip: list("192.168", 16) }).localSubnets).toHaveLength(16);
  const many = refused({ locip: locip(17), remip: list("192.168", 16) });
  expect(many).toMatchObject({ kind: "too-many-subnets", column: "remip" });
  expect(many.detail).toContain("272 pairs, and one Child SA has room for 256");
});

test("R10: locip selects a part of the base eroute's local subnet, and no more", () => {
  expect(texts(taken({ locip: null }).localSubnets)).toEqual(["10.0.0.0/16"]);
  expect(texts(taken({ locip: " " }).localSubnets)).toEqual(["10.0.0.0/16"]);
  expect(texts(taken({ locip: "10.0.1.0/24 10.0.2.9/32" }).localSubnets)).toEqual([
    "10.0.1.0/24",
    "10.0.2.9/32",
  ]);
  const column = "locip";
  expect(refused({ locip: "10.1.0.0/24" })).toMatchObject({
    kind: "outside-base-local-subnet",
    column,
  });
  expect(refused({ locip: "0.0.0.0/0" }).kind).toBe("outside-base-local-subnet");
  for (const locip of ["10.0.1.0", "10.0.1.0/33", "10.0.1.0/24/25x", "here"]) {
    expect(refused({ locip })).toMatchObject({ kind: "bad-local-subnet", column });
  }
  const versions = { locip: "10.0.1.0/24", remip: "2001:db8:1::/48", remmsk: null };
  expect(refused(versions).kind).toBe("bad-local-subnet");
  expect(refused({ locip: "10.0.0.0/32 ".repeat(65) }).kind).toBe("too-many-subnets");
});

test("a disabled row is refused before anything else in it is checked", () => {
  for (const disabled of ["1", "true", "YES", " on ", "t"]) {
    const fault = refused({ disabled, password: null, remip: null });
    expect(fault).toMatchObject({ kind: "row-disabled", column: "disabled" });
  }
  for (const disabled of [null, "", "0", "false", "No", "off"]) taken({ disabled });
  for (const disabled of ["2", "maybe", "-1"]) {
    expect(refused({ disabled })).toMatchObject({ kind: "bad-disabled", column: "disabled" });
  }
});

test("lifetime, inactivity and if_id override the base eroute's", () => {
  expect(taken({}).own).toEqual(NO_ROW_OPTIONS);
  const { own } = taken({ lifetime: "30m", inactivity: "900", if_id: "0x2a" });
  expect(own).toEqual({
    lifetimeSeconds: 1800,
    inactivityMs: 900_000,
    ifId: 42,
    postQuantum: false,
  });
  const child = { ...DEFAULT_CHILD, ifId: 7 };
  expect(childWith(child, own)).toEqual({ ...child, lifetimeSeconds: 1800, ifId: 42 });
  expect(childWith(child, NO_ROW_OPTIONS)).toEqual(child);
  expect(childWith(child, taken({ if_id: "0" }).own).ifId).toBeUndefined();
  const life = { ...DEFAULT_LIFE, inactivityMs: 60_000 };
  expect(inactivityWith(life, own)).toBe(900_000);
  expect(inactivityWith(life, NO_ROW_OPTIONS)).toBe(60_000);
  for (const inactivity of ["off", "0"]) {
    expect(inactivityWith(life, taken({ inactivity }).own)).toBeUndefined();
  }
});

test("R6: invalid times and interface IDs are refused with their column", () => {
  for (const lifetime of ["4s", "4", "8d", "0", "off", "1.5h", "-1"]) {
    expect(refused({ lifetime })).toMatchObject({ kind: "bad-lifetime", column: "lifetime" });
  }
  for (const inactivity of ["9s", "31d", "never"]) {
    expect(refused({ inactivity })).toMatchObject({ kind: "bad-inactivity" });
  }
  for (const if_id of ["-1", "4294967296", "eth0", "1.5"]) {
    expect(refused({ if_id })).toMatchObject({ kind: "bad-if-id", column: "if_id" });
  }
});

test("a row can demand a post-quantum key exchange, if its base eroute has one", () => {
  const plain = IKE_SUITE;
  const optional = { ...plain, additional: [[Ke.ML_KEM_768, Ke.ECP_384, Ke.NONE]] };
  const first = { ...plain, ke: [Ke.ML_KEM_1024, ...plain.ke] };
  const hybrid = { ...BASE, ike: [optional, first, plain] };
  const madeOf = (base: typeof BASE, post_quantum: string | null) =>
    dynamicErouteOf(base, egroup(), asPeerId("site-1"), [peerRow({ post_quantum })]);
  for (const yes of ["1", "true", "YES"]) {
    const made = madeOf(hybrid, yes);
    if (!made.ok) throw new Error(made.error.detail);
    expect(made.value.own.postQuantum).toBe(true);
    expect(suitesWith(hybrid.ike, made.value.own)).toEqual([
      { ...plain, additional: [[Ke.ML_KEM_768]] },
      { ...plain, ke: [Ke.ML_KEM_1024] },
    ]);
    expect(suitesWith(hybrid.ike, made.value.own)).toBe(suitesWith(hybrid.ike, made.value.own));
    expect(madeOf({ ...BASE, ike: [plain] }, yes)).toMatchObject({
      error: { kind: "bad-post-quantum" },
    });
  }
  for (const no of [null, "", "0", "no"]) {
    expect(madeOf(BASE, no)).toMatchObject({ ok: true, value: { own: NO_ROW_OPTIONS } });
  }
  expect(suitesWith(hybrid.ike, NO_ROW_OPTIONS)).toBe(hybrid.ike);
  expect(refused({ post_quantum: "mlkem" })).toMatchObject({ column: "post_quantum" });
});

/** Rows of sites that use IKEv1 change while they are connected. */

import { expect, test } from "bun:test";
import type { BaseEroute, Ikev1Rule } from "../../src/eroute/eroute.ts";
import { rowOf } from "./database.ts";
import { type Caller, ikev1Caller } from "./ikev1-caller.ts";
import { CALLER_PATH } from "./ikev1-end.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { namesOf } from "./neighbours.ts";
import { BASE_EROUTE, endpointOf, planOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const KEY = "one key for both";
const RULE: Ikev1Rule = {
  ...{ mode: "both", legacy: false, xauth: false },
  ...{ pushesConfig: false, sha256With96Bits: false },
  ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
};
const OTHER_PATH = { local: CALLER_PATH.local, remote: endpointOf("192.0.2.9", 500) };

test("a new key in its row closes the site, tells it, and closes no other", () => {
  const { table, caller } = laid();
  table.database.put(rowOf("site-1", "a new key", "192.168.1.0/24"));
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
  table.advance(1_000);
  expect(namesOf(table)).toEqual(["fleet/site-2"]);
  expect(reasonsOf(table, "site-1")).toContain("row-changed");
  // The Child SA first, then the ISAKMP SA.
  const deletes = table.sent.splice(0).map(({ octets }) => caller.open(octets).payloads);
  expect(deletes.map(([, one]) => one)).toMatchObject([
    { kind: "DELETE", protocol: 3 },
    { kind: "DELETE", protocol: 1 },
  ]);
  connect(table, "a new key");
  expect(namesOf(table).toSorted()).toEqual(["fleet/site-1", "fleet/site-2"]);
});

test("a row that is gone closes its site", () => {
  const { table } = laid();
  table.database.remove("site-1");
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
  table.advance(1_000);
  expect(namesOf(table)).toEqual(["fleet/site-2"]);
  expect(reasonsOf(table, "site-1")).toContain("row-removed");
});

test("a row that says the same closes nothing", () => {
  const { table } = laid();
  table.feed({ kind: "row-changed", egroup: "sites", peerId: "site-1" });
  table.advance(1_000);
  expect(namesOf(table).toSorted()).toEqual(["fleet/site-1", "fleet/site-2"]);
});

/** Two sites are connected. */
function laid(): { readonly table: Table; readonly caller: Caller } {
  const base: BaseEroute = { ...BASE_EROUTE, versions: { v2: true, v1: RULE } };
  const plan = planOf({}, { eroutes: [base] });
  const table = layTable({ plan, keyExchange: toyKeyExchange });
  table.database.put(rowOf("site-1", KEY, "192.168.1.0/24"));
  table.database.put(rowOf("site-2", KEY, "192.168.2.0/24"));
  const caller = connect(table, KEY);
  connect(table, KEY, { id: "site-2", seed: 8, inner: "192.0.2.9" });
  table.sent.length = 0;
  return { table, caller };
}

function connect(
  table: Table,
  psk: string,
  other: { readonly id?: string; readonly seed?: number; readonly inner?: string } = {},
): Caller {
  const path = other.id === undefined ? CALLER_PATH : OTHER_PATH;
  const caller = ikev1Caller({ psk, seed: 7, ...other });
  const said = () => table.sent.splice(0)[0]?.octets ?? new Uint8Array(0);
  table.deliver(caller.first(), path);
  table.deliver(caller.third(said(), path), path);
  table.sent.length = 0;
  const quick = caller.quick({
    local: other.id === undefined ? "192.168.1.0/24" : "192.168.2.0/24",
  });
  table.deliver(quick.octets, path);
  caller.granted(quick, said());
  table.deliver(caller.quickThird(quick), path);
  return caller;
}

function reasonsOf({ journal }: Table, peer: string): readonly string[] {
  return journal.filter(({ peerId }) => peerId === peer).map(({ reason }) => reason);
}

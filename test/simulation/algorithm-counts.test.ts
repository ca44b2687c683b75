/** What sites agree on is counted: new and rekeyed IKE SAs, and Child SAs. */

import { expect, test } from "bun:test";
import { putRow, seat, settingsOf } from "./caller.ts";
import { layTable } from "./table.ts";

test("an IKE SA and its Child SA are counted by encryption, key exchange and post-quantum", () => {
  const table = layTable();
  for (const n of [1, 2]) {
    putRow(table, n);
    const caller = seat(table, settingsOf(n));
    caller.connect();
    caller.settle();
  }
  const counted = table.concentrator
    .snapshot()
    .algorithms.map(({ sa, kind, algorithm, count }) => `${sa} ${kind} ${algorithm}: ${count}`);
  expect(counted.toSorted()).toEqual([
    "child encryption AES_GCM_16_128: 2",
    "child key_exchange none: 2",
    "ike encryption AES_GCM_16_128: 2",
    "ike key_exchange X25519: 2",
    "ike post_quantum no: 2",
  ]);
});

/** How many sites there should be: counted from the tables. */

import { expect, test } from "bun:test";
import { countSites } from "../../../src/daemon/expected.ts";
import { err, ok } from "../../../src/octets/result.ts";
import type { PeerRepository } from "../../../src/peers/repository.ts";

const counting = (count: PeerRepository["count"]) => ({ count }) as PeerRepository;

test("each table is counted by itself; only a failing one is missing", async () => {
  let isCounted = () => {};
  const done = new Promise<void>((resolve) => {
    isCounted = resolve;
  });
  const peers = new Map([
    ["broken", counting(async () => err({ kind: "timeout", detail: "no answer" }))],
    [
      "sites",
      counting(async () => {
        setImmediate(isCounted);
        return ok({ rows: 5, disabled: 2 });
      }),
    ],
  ]);
  const sites = countSites(() => peers);
  await done;
  expect([...sites.latest()]).toEqual([["sites", { rows: 5, disabled: 2 }]]);
  sites.stop();
});

/** The page of interoperability shows what the stored run has seen, and that is all of it. */

import { expect, test } from "bun:test";
import {
  INTEROPERABILITY_FILE,
  interoperability,
  storedResults,
} from "../../build/interoperability.ts";
import {
  CASES,
  caseText,
  PEERS,
  type PeerName,
  reasonAgainst,
  STEPS,
} from "../real/guest/interoperability-table.ts";

const NAMES = Object.keys(PEERS) as PeerName[];

test("docs/interoperability.md is made from the stored run (make docs)", async () => {
  const page = await Bun.file(INTEROPERABILITY_FILE).text();
  expect(page).toBe(interoperability(await storedResults()));
  expect(page).not.toContain("not seen");
});

for (const name of NAMES) {
  const { software, version } = PEERS[name];

  test(`${software} ${version}: the stored run has each case with all its steps`, async () => {
    const stored = (await storedResults())[name];
    const tried = CASES.filter((one) => reasonAgainst(name, one) === undefined);
    expect((stored?.cases ?? []).map(caseText)).toEqual(tried.map(caseText));
    expect(stored?.version.startsWith(version)).toBe(tried.length === 0 ? undefined : true);
    for (const { steps, keyExchange, agreed } of stored?.cases ?? []) {
      expect(steps).toEqual([...STEPS]);
      expect(agreed.includes("ML_KEM")).toBe(keyExchange === "hybrid");
    }
  });

  test(`${software} ${version}: its rows are tests in a guest`, async () => {
    const file = new URL(`../real/guest/interop-${name}.guest.ts`, import.meta.url);
    expect(await Bun.file(file).text()).toContain(`("${name}")`);
  });
}

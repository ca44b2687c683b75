/** An explanation as JSON, held to the schema that the API's document is made from. */

import { expect, test } from "bun:test";
import { createJournal } from "../../../../src/concentrator/journal/create-journal.ts";
import { asInstant } from "../../../../src/octets/instant.ts";
import { explanationJson } from "../../../../src/status/api/explanation-json.ts";
import { ANSWERS } from "../../../../src/status/api/schemas.ts";
import { createAttempts } from "../../../../src/why/attempts.ts";
import { explain } from "../../../../src/why/explain.ts";
import { failures, NOW_MS } from "../sample.ts";

test("each failure's explanation fits the document, including both sides", () => {
  const journal = createJournal(100);
  const compared = failures().map((failure) => {
    const history = createAttempts();
    history.note(journal.add({ ...failure, peerId: "site-1" }, NOW_MS));
    const attempts = history.ofPeer("site-1");
    const explanation = explain({
      ...{ asked: "site-1", now: asInstant(0), nowWallMs: NOW_MS, isRunning: true },
      ...{ row: { kind: "none" }, eroutes: [], traffic: new Map(), call: undefined, attempts },
      ...{
        peersThere: [],
        strangers: [],
        similar: undefined,
        listening: [],
        overlaps: [],
        tableIsFull: false,
        removals: [],
      },
      redirectedTo: undefined,
      match: { kind: "eroute", eroute: "lab", pattern: "*", egroup: undefined, canCall: false },
    });
    const json = explanationJson("site-1", { explanation, attempts });
    return ANSWERS.explanation.parse(JSON.parse(JSON.stringify(json)));
  });
  expect(compared.some(({ comparison }) => comparison?.nearest[0]?.part === "encryption")).toBe(
    true,
  );
  expect(compared.every(({ state, attempts }) => state === "failed" && attempts.length === 1)).toBe(
    true,
  );
});

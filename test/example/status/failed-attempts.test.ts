/** Failed attempts: one for each site and reason, and whether the site is in by now. */

import { expect, test } from "bun:test";
import type { JournalEntry, JournalRecord } from "../../../src/concentrator/journal.ts";
import { reasonText } from "../../../src/concentrator/reason.ts";
import { failedAttempts } from "../../../src/status/failed-attempts.ts";

const FAILED: JournalEntry = {
  level: "warning",
  step: "IKE_AUTH",
  outcome: "failed",
  reason: "wrong-psk",
  peerId: "site-1",
  eroute: "fleet",
  remote: "203.0.113.7:4500",
  ikeSa: undefined,
  detail: "",
};

function records(...changes: readonly Partial<JournalEntry>[]): JournalRecord[] {
  return changes.map((change, i) => ({ ...FAILED, ...change, sequence: i + 1, wallMs: i }));
}

test("attempts of one site for one reason are one, with their number; the latest is shown", () => {
  const attempts = failedAttempts(records({}, {}, { peerId: "SITE-1" }), 20);
  expect(attempts).toHaveLength(1);
  expect(attempts[0]).toMatchObject({ times: 3, latest: { sequence: 3 } });
});

test("another reason or another site is another attempt, the latest first", () => {
  const attempts = failedAttempts(records({}, { reason: "no-row" }, { peerId: "site-2" }), 20);
  expect(attempts.map(({ latest }) => latest.sequence)).toEqual([3, 2, 1]);
});

test("a site without an ID is told by its address, whatever port it calls from", () => {
  const unknown = { peerId: undefined };
  const attempts = failedAttempts(
    records(unknown, { ...unknown, remote: "203.0.113.7:1024" }, { ...unknown, remote: "[::1]:9" }),
    20,
  );
  expect(attempts.map(({ times }) => times)).toEqual([1, 2]);
});

test("a site that got in after it failed is marked; one that fails again is not", () => {
  const up = { outcome: "ok", reason: "established" } as const;
  expect(failedAttempts(records({}, up), 20)[0]?.hasConnectedSince).toBe(true);
  expect(failedAttempts(records({}, up, {}), 20)[0]?.hasConnectedSince).toBe(false);
  expect(failedAttempts(records({}, { ...up, peerId: "x" }), 20)[0]?.hasConnectedSince).toBe(false);
});

test("a Child SA refused in IKE_AUTH counts; the daemon's own failures and notes do not", () => {
  const refused = { outcome: "refused", reason: "ts-unacceptable" } as const;
  expect(failedAttempts(records(refused), 20)).toHaveLength(1);
  expect(failedAttempts(records({ ...refused, step: "CREATE_CHILD_SA" }), 20)).toEqual([]);
  expect(failedAttempts(records({ step: "daemon" }, { outcome: "note" }), 20)).toEqual([]);
});

test("no more attempts than asked for, however many sites fail", () => {
  const many = Array.from({ length: 100 }, (_, n) => ({ peerId: `site-${n}` }));
  const attempts = failedAttempts(records(...many), 20);
  expect(attempts).toHaveLength(20);
  expect(attempts[0]?.latest.peerId).toBe("site-99");
});

test("a reason is shown in words, also one that nobody has put into words", () => {
  expect(reasonText("wrong-psk")).toBe("Wrong pre-shared key");
  expect(reasonText("some-new-reason")).toBe("Some new reason");
  expect(reasonText("constructor")).toBe("Constructor");
});

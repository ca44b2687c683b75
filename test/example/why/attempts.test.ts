/** The history of sites: which attempts are kept, and of which sites. */

import { expect, test } from "bun:test";
import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import type { JournalEntry, JournalRecord } from "../../../src/concentrator/journal/journal.ts";
import type { LastAttempt } from "../../../src/why/attempt.ts";
import { type Attempts, createAttempts } from "../../../src/why/attempts.ts";
import { followsFrom, REASONS, reasonsIn } from "../../../src/why/reason.ts";

const journal = createJournal(10_000);
let wallMs = 1_000_000;

/** The record of a failed IKE_AUTH of a site with a row, changed. */
function record(changes: Partial<JournalEntry>): JournalRecord {
  wallMs += 1_000;
  const entry: JournalEntry = {
    level: "warning",
    step: "IKE_AUTH",
    outcome: "failed",
    reason: "wrong-psk",
    peerId: "site-1",
    eroute: "fleet/site-1",
    remote: "198.51.100.7:4500",
    ikeSa: undefined,
    detail: "the key differs",
  };
  return journal.add({ ...entry, ...changes }, wallMs);
}

const reasons = (attempts: readonly { record: JournalRecord; times: number }[]) =>
  attempts.map(({ record: { reason }, times }) => `${reason} ${times}`);

test("a repeated failure is counted, not kept again; another port is the same place", () => {
  const attempts = createAttempts();
  const first = record({});
  attempts.note(first);
  attempts.note(record({ remote: "198.51.100.7:1024" }));
  attempts.note(record({ remote: "198.51.100.8:4500" }));
  attempts.note(record({ outcome: "ok", reason: "child-sa-up", remote: "198.51.100.8:4500" }));
  expect(reasons(attempts.ofPeer("SITE-1"))).toEqual([
    "child-sa-up 1",
    "wrong-psk 1",
    "wrong-psk 2",
  ]);
  expect(attempts.ofPeer("site-1").at(-1)?.firstWallMs).toBe(first.wallMs);
});

test("a site that comes and goes has one entry of each kind, the last one first", () => {
  const attempts = createAttempts();
  for (let n = 1; n <= 50; n++) {
    const ikeSa = `${n}`;
    attempts.note(record({ outcome: "ok", reason: "child-sa-up", ikeSa }));
    attempts.note(record({ outcome: "ok", reason: "child-sa-up", step: "CREATE_CHILD_SA", ikeSa }));
    attempts.note(record({ outcome: "ok", reason: "peer-deleted", step: "INFORMATIONAL", ikeSa }));
  }
  attempts.note(record({}));
  const all = attempts.ofPeer("site-1");
  expect(reasons(all).slice(0, 2)).toEqual(["wrong-psk 1", "peer-deleted 50"]);
  expect(all.filter(({ outcome }) => outcome === "connected").length).toBe(1);
});

test("without a Child SA it was not connected; the reason outlives the end of the IKE SA", () => {
  const attempts = createAttempts();
  for (const ikeSa of ["1", "2"]) {
    attempts.note(record({ outcome: "ok", reason: "established", ikeSa }));
    attempts.note(record({ reason: "kernel-refused", step: "kernel", ikeSa }));
    attempts.note(record({ reason: "kernel-refused", ikeSa }));
    attempts.note(record({ outcome: "ok", reason: "peer-deleted", step: "INFORMATIONAL", ikeSa }));
  }
  expect(reasons(attempts.ofPeer("site-1"))).toEqual(["kernel-refused 2"]);
});

function notConnectedIn(attempts: Attempts): readonly LastAttempt[] {
  const { keys, read } = attempts.notConnected();
  return keys.flatMap((key) => read(key) ?? []);
}

function attemptOf(changes: Partial<JournalEntry>) {
  const attempts = createAttempts();
  attempts.note(record(changes));
  return attempts.ofPeer("site-1")[0];
}

test("the offer of a stranger is kept in part", () => {
  const attempts = createAttempts();
  const offered = Array.from({ length: 16 }, () => "X".repeat(900));
  attempts.note(record({ offered, wanted: ["A"] }));
  const [attempt] = attempts.ofPeer("site-1");
  expect(JSON.stringify(attempt).length).toBeLessThan(4_000);
  expect(attempt?.record.wanted).toEqual(["A"]);
  expect(attempt?.record.offered?.[1]).toBe("and 15 more");
  const cutBefore = attemptOf({ offered: [...offered.slice(0, 15), "and 240 more"] });
  expect(cutBefore?.record.offered?.slice(1)).toEqual(["and 254 more"]);
  const one = attemptOf({ offered: ["Y".repeat(5_000)] });
  expect(one?.record.offered?.[0]?.length).toBeLessThanOrEqual(1_500);
  attempts.note(record({ offered, reason: "ts-unacceptable" }));
  attempts.note(record({ reason: "no-row" }));
  attempts.note(record({ offered, reason: "no-proposal-chosen" }));
  const kept = attempts.ofPeer("site-1").map(({ record: { offered } }) => offered?.length);
  expect(kept).toEqual([2, undefined, 2, undefined]);
});

test("rekeys and entries of the daemon are not attempts", () => {
  const attempts = createAttempts();
  attempts.note(record({ step: "INFORMATIONAL", outcome: "note", reason: "rekeyed" }));
  attempts.note(record({ step: "CREATE_CHILD_SA", outcome: "ok", reason: "child-sa-rekeyed" }));
  attempts.note(record({ step: "daemon", reason: "database-timeout" }));
  attempts.note(record({ level: "debug", outcome: "refused", reason: "invalid-ke-payload" }));
  attempts.note(record({ peerId: undefined, remote: undefined }));
  expect(attempts.size).toBe(0);
  attempts.note(record({ step: "INFORMATIONAL", outcome: "ok", reason: "peer-deleted" }));
  expect(attempts.ofPeer("site-1")[0]?.outcome).toBe("ended");
});

test("attempts without an ID are found by address, and by the IDs from that address", () => {
  const attempts = createAttempts();
  const reason = "no-proposal-chosen";
  const stranger = { peerId: undefined, eroute: undefined, reason } as const;
  attempts.note(record({ ...stranger, remote: "192.0.2.7:500" }));
  attempts.note(record({ ...stranger, remote: "[2001:db8::7]:500" }));
  attempts.note(record({ remote: "192.0.2.7:500" }));
  expect(reasons(attempts.ofAddress("192.0.2.7"))).toEqual(["no-proposal-chosen 1"]);
  expect(reasons(attempts.ofAddress("2001:db8::7"))).toEqual(["no-proposal-chosen 1"]);
  expect(attempts.peersAt("192.0.2.7", 8)).toEqual(["site-1"]);
  expect(attempts.strangers(1)[0]?.record.remote).toBe("[2001:db8::7]:500");
});

test("the IDs at an address are those whose last attempt came from there, the latest first", () => {
  const attempts = createAttempts();
  const from = (peerId: string, remote: string) => attempts.note(record({ peerId, remote }));
  from("site-1", "192.0.2.7:500");
  from("site-2", "192.0.2.7:4500");
  from("site-3", "192.0.2.70:500");
  from("straße-4", "192.0.2.7:500");
  from("site-5", "[2001:db8::7]:500");
  from("site-6", "[2001:db8::70]:500");
  from("site-2", "192.0.2.8:4500");
  attempts.note(record({ peerId: "site-7", remote: undefined }));
  expect(attempts.peersAt("192.0.2.7", 8)).toEqual(["straße-4", "site-1"]);
  expect(attempts.peersAt("192.0.2.7", 1)).toEqual(["straße-4"]);
  expect(attempts.peersAt("2001:db8::7", 8)).toEqual(["site-5"]);
  expect(attempts.peersAt("192.0.2", 8)).toEqual([]);
});

test("made-up IDs push each other out, and no site that has an eroute", () => {
  const attempts = createAttempts(4, 3);
  for (let n = 1; n <= 4; n++) attempts.note(record({ peerId: `site-${n}` }));
  for (let n = 1; n <= 100; n++) {
    attempts.note(record({ peerId: `made-up-${n}`, eroute: undefined, reason: "no-row" }));
  }
  expect(attempts.size).toBe(7);
  expect(attempts.ofPeer("site-1").length).toBe(1);
  expect(attempts.ofPeer("made-up-97").length).toBe(0);
  // A site stays known though a failure of its row names no eroute.
  attempts.note(record({ peerId: "site-2", eroute: undefined, reason: "no-row" }));
  // A fault in a row shows that there is one.
  attempts.note(record({ peerId: "site-5", eroute: undefined, reason: "no-password" }));
  expect(attempts.ofPeer("site-1").length).toBe(0);
  expect(attempts.ofPeer("site-2").length).toBe(2);
});

test("the last eight of one site are kept", () => {
  const attempts = createAttempts();
  const kinds = reasonsIn(REASONS).filter((reason) => followsFrom(reason) === "next-attempt");
  expect(kinds.length).toBeGreaterThan(50);
  for (const reason of kinds) attempts.note(record({ reason }));
  expect(attempts.ofPeer("site-1").map(({ record: { reason } }) => reason)).toEqual(
    kinds.slice(-8).reverse(),
  );
});

test("not connected: by the last attempt, sites before strangers, the latest first", () => {
  const attempts = createAttempts();
  const up = { outcome: "ok", reason: "child-sa-up" } as const;
  const gone = { outcome: "note", reason: "peer-silent", step: "INFORMATIONAL" } as const;
  const stranger = { peerId: undefined, eroute: undefined };
  attempts.note(record({ peerId: "site-1" }));
  attempts.note(record({ peerId: "site-2", ...up }));
  attempts.note(record({ ...stranger, remote: "203.0.113.9:500", reason: "no-proposal-chosen" }));
  attempts.note(record({ peerId: "site-3" }));
  attempts.note(record({ peerId: "site-3", ...up }));
  attempts.note(record({ peerId: "site-2", ...gone }));
  attempts.note(record({ peerId: "site-4", eroute: undefined, reason: "no-row" }));
  const said = notConnectedIn(attempts).map(({ attempt, isKnown }) => {
    const { peerId, remote, reason } = attempt.record;
    return `${isKnown ? "site" : "stranger"} ${peerId ?? remote}: ${reason}`;
  });
  expect(said).toEqual([
    "site site-2: peer-silent",
    "site site-1: wrong-psk",
    "stranger site-4: no-row",
    "stranger 203.0.113.9:500: no-proposal-chosen",
  ]);
});

test("a caller refused because of the database counts as a site until it has no row", () => {
  const attempts = createAttempts(2, 2);
  const refused = { reason: "database-unreachable", eroute: undefined } as const;
  const known = () => notConnectedIn(attempts).filter(({ isKnown }) => isKnown).length;
  attempts.note(record({}));
  attempts.note(record({ ...refused, peerId: "site-2" }));
  expect(known()).toBe(2);
  // Meanwhile made-up IDs push out each other, and no known site.
  for (const n of [3, 4, 5]) attempts.note(record({ ...refused, peerId: `site-${n}` }));
  expect([known(), attempts.ofPeer("site-1").length]).toEqual([3, 1]);
  attempts.note(record({ reason: "no-row", eroute: undefined, peerId: "site-5" }));
  expect(known()).toBe(2);
  expect(attempts.unknownIds(9)).toEqual(["site-5"]);
});

/** Why a site is or is not connected, from what is known of it. */

import { expect, test } from "bun:test";
import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import type { JournalEntry } from "../../../src/concentrator/journal/journal.ts";
import type { ErouteView } from "../../../src/concentrator/snapshot.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import type { DatabaseReason } from "../../../src/reason/reason.ts";
import { createAttempts } from "../../../src/why/attempts.ts";
import { explain } from "../../../src/why/explain.ts";
import { FAILURE_NAMES, REASONS, reasonsIn } from "../../../src/why/reason.ts";
import type { SiteFacts } from "../../../src/why/site-facts.ts";

const NOW_MS = 10_000_000;

const FACTS: SiteFacts = {
  asked: "site-1",
  now: asInstant(1_000_000),
  nowWallMs: NOW_MS,
  isRunning: true,
  match: { kind: "eroute", eroute: "fleet", pattern: "site-*", egroup: "sites", canCall: false },
  row: { kind: "good", source: "sqlite:peers.db", columns: "remip 192.168.1.0, password set" },
  eroutes: [],
  traffic: new Map(),
  call: undefined,
  attempts: [],
  removals: [],
  peersThere: [],
  strangers: [],
  similar: undefined,
  listening: ["127.0.0.1:500", "192.0.2.1:500"],
  overlaps: [],
  tableIsFull: false,
  redirectedTo: undefined,
};

/** Attempts of site-1 a minute ago, in this order. */
function attemptsOf(...entries: readonly Partial<JournalEntry>[]) {
  return historyOf(...entries).ofPeer("site-1");
}

function historyOf(...entries: readonly Partial<JournalEntry>[]) {
  const attempts = createAttempts();
  const journal = createJournal(100);
  for (const changes of entries) {
    const entry: JournalEntry = {
      ...{ level: "warning", step: "IKE_AUTH", outcome: "failed", reason: "wrong-psk" },
      ...{ peerId: "site-1", eroute: "fleet/site-1", remote: "198.51.100.7:4500" },
      ...{ ikeSa: undefined, detail: "details" },
      ...changes,
    };
    attempts.note(journal.add(entry, NOW_MS - 60_000));
  }
  return attempts;
}

test("never seen: where it has to call, and which strangers it may be", () => {
  const strangers = attemptsOf({ reason: "no-proposal-chosen", remote: "203.0.113.9:500" });
  const explained = explain({ ...FACTS, strangers });
  expect(explained.state).toBe("never-seen");
  expect(explained.advice[0]).toContain("192.0.2.1:500");
  expect(explained.advice[0]).not.toContain("127.0.0.1");
  expect(explained.findings.at(-1)?.detail).toContain("203.0.113.9 failed 60 s ago");
});

test("never seen: it says if only this host can call, or if none can", () => {
  const advice = (...listening: readonly string[]) => explain({ ...FACTS, listening }).advice[0];
  expect(advice("127.0.0.1:500")).toMatch(/one of 127.0.0.1:500, which only this host reaches/);
  expect(advice()).toContain("listens on no address");
});

test("never seen: a similar ID without a row, or an attempt without an ID, may be it", () => {
  const history = historyOf(
    { peerId: "site-2" },
    { peerId: undefined, eroute: undefined, remote: "203.0.113.9:500", reason: "malformed" },
    { peerId: "site-l", eroute: undefined, reason: "no-row" },
  );
  expect(history.unknownIds(9)).toEqual(["site-l"]);
  const [similar] = history.ofPeer("site-l");
  const { advice } = explain({ ...FACTS, similar, strangers: history.strangers(9) });
  expect(advice[0]).toContain("`erouted why site-l`");
  expect(advice[2]).toContain("`erouted why 203.0.113.9`");
});

test("an address: the sites that came from there, what to ask for, or that none did", () => {
  const address = { ...FACTS, asked: "203.0.113.9", match: { kind: "address" as const } };
  const nobody = explain(address);
  expect(nobody.summary).toBe("nothing has come from 203.0.113.9 since erouted started");
  expect(nobody.advice[0]).toStartWith("nothing comes from there: it has to call");
  const there = explain({ ...address, peersThere: ["site-1", "site-2"] });
  expect(there.summary).toBe("203.0.113.9 is the address of sites that came from there");
  expect(there.findings.at(-1)?.detail).toBe("from there came site-1, site-2");
  expect(there.advice).toEqual(["ask for the sites that came from there: `erouted why site-1`"]);
  const failed = explain({ ...address, attempts: attemptsOf({ reason: "no-proposal-chosen" }) });
  expect(failed.summary).toBe(
    "no site that called from 203.0.113.9 got in: no algorithms in common",
  );
});

test("strangers are named if they came after the last attempt of the site", () => {
  const strangers = attemptsOf({ reason: "no-proposal-chosen" });
  const [attempt] = attemptsOf({});
  if (attempt === undefined) throw new Error("no attempt");
  const named = (wallMs: number) =>
    explain({
      ...FACTS,
      strangers,
      attempts: [{ ...attempt, record: { ...attempt.record, wallMs } }],
    }).findings.some(({ about }) => about === "stranger");
  expect([named(NOW_MS - 61_000), named(NOW_MS - 59_000)]).toEqual([true, false]);
});

test("the last attempt: how often, from where, at which message, and what to do", () => {
  const explained = explain({ ...FACTS, attempts: attemptsOf({}, {}, {}) });
  expect(explained.state).toBe("failed");
  expect(explained.summary).toBe("site-1 is not connected: wrong pre-shared key");
  const attempt = explained.findings.find(({ about }) => about === "attempt");
  expect(attempt?.detail).toBe(
    "last attempt 60 s ago, 3 times in 0 s from 198.51.100.7:4500: failed at IKE_AUTH: details",
  );
  expect(explained.advice[0]).toContain("the same key");
});

test("a call of ours: where it goes, and when the next one follows", () => {
  const attempts = attemptsOf({ reason: "no-answer", role: "initiator" });
  const call = { stage: "waiting", why: "always", host: undefined, waitMs: 4_200, failures: 2 };
  const explained = explain({ ...FACTS, attempts, call: call as SiteFacts["call"] });
  expect(explained.findings.find(({ about }) => about === "attempt")?.detail).toContain(
    "to 198.51.100.7:4500",
  );
  expect(explained.findings.find(({ about }) => about === "call")?.detail).toBe(
    "the next call is not made before 5 s have passed, after 2 failures",
  );
});

test("the present configuration comes before earlier failures", () => {
  const attempts = attemptsOf({});
  const match = { kind: "none", reason: "no-eroute", closest: "site-*" } as const;
  const unmatched = explain({ ...FACTS, asked: "sitee-1", match, attempts });
  expect([unmatched.state, unmatched.findings[0]?.detail]).toEqual([
    "blocked",
    'No eroute matches the peer ID: the nearest is "site-*", ' +
      'which it leaves at "e-1" (character 5)',
  ]);
  const row = {
    kind: "faulty",
    source: "db",
    engine: "mysql",
    reason: "row-disabled",
    detail: "disabled",
  } as const;
  const disabled = explain({ ...FACTS, row, attempts });
  expect(disabled.summary).toBe("site-1 cannot connect: disabled in its row");
  expect(disabled.advice.length).toBe(1);
});

test("an ID in a command is one word for a shell, whatever a stranger calls itself", () => {
  const match = { kind: "eroute", eroute: "fleet", pattern: "*", egroup: "sites" } as const;
  const row = {
    kind: "faulty",
    source: "db",
    engine: "mysql",
    reason: "no-row",
    detail: "none",
  } as const;
  const asked = "$(reboot)'`; $& x";
  const { advice } = explain({ ...FACTS, asked, match: { ...match, canCall: true }, row });
  expect(advice[0]).toStartWith("add one: `erouted peers add --peerid '$(reboot)'\\''`; $& x'`");
  const called = explain({ ...FACTS, match: { ...match, canCall: true } }).advice;
  expect(called.at(-1)).toBe("or call it: `erouted connect site-1 --wait`");
  const byHand = {
    outcome: "note",
    step: "INFORMATIONAL",
    reason: "disconnected-by-hand",
  } as const;
  const attempts = attemptsOf(byHand);
  // If no site can call erouted, that is not recommended either.
  const again = "it can call again at any time";
  expect(explain({ ...FACTS, attempts }).advice).toEqual([again]);
  const callable = explain({ ...FACTS, attempts, match: { ...match, canCall: true } });
  expect(callable.advice).toEqual([again, "or call it: `erouted connect site-1 --wait`"]);
});

test("a row that was corrected: the next attempt uses it", () => {
  const attempts = attemptsOf({ reason: "no-password" });
  expect(explain({ ...FACTS, attempts }).advice[0]).toContain("correct now");
});

test("both sides of an offer, and what only one of them has", () => {
  const offered = ["AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024"];
  const wanted = ["AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519", "AES_CBC_128/HMAC_SHA2_256_128"];
  const attempts = attemptsOf({ reason: "no-proposal-chosen", offered, wanted });
  const { comparison } = explain({ ...FACTS, attempts });
  expect(comparison?.onlyOffered).toEqual(["HMAC_SHA1_96", "PRF_HMAC_SHA1", "MODP_1024"]);
  expect(comparison?.onlyConfigured).not.toContain("AES_CBC_128");
  const subnets = attemptsOf({
    ...{ reason: "ts-unacceptable", offered: ["10.9.0.0/16"], wanted: ["10.0.0.0/16"] },
  });
  expect(explain({ ...FACTS, attempts: subnets }).comparison?.onlyOffered).toEqual(["10.9.0.0/16"]);
});

test("connected, and an IKE SA without a Child SA", () => {
  const view: ErouteView = {
    ...{ kind: "dynamic", name: "fleet/site-1", baseEroute: "fleet", peerId: "site-1" },
    ...{ remoteSubnets: [], localSubnets: [], peerAddress: "198.51.100.7" },
    ...{
      state: "established",
      certificate: undefined,
      createdAt: asInstant(400_000),
      ikeSas: [],
      childSas: [],
    },
  };
  const child = {
    ...{ spiIn: 1, spiOut: 2, localAddress: "192.0.2.1", remoteAddress: "198.51.100.7" },
    mode: "tunnel",
    ...{ udpEncapsulation: false, algorithms: "AES_GCM_16_256" },
    ...{ localSubnets: ["10.0.0.0/16"], remoteSubnets: ["192.168.1.0/24"] },
    installedAt: asInstant(400_000),
  } as const;
  const up = explain({ ...FACTS, eroutes: [{ ...view, childSas: [child] }] });
  expect([up.state, up.advice]).toEqual(["connected", []]);
  expect(up.findings.find(({ about }) => about === "tunnel")?.detail).toContain("for 10 min");
  const passing = (packetsIn: number, packetsOut: number) => {
    const traffic = new Map([[1, { packetsIn, packetsOut }]]);
    const eroutes = [{ ...view, childSas: [child] }];
    const { state, findings, advice } = explain({ ...FACTS, eroutes, traffic });
    const verdict = findings.find(({ about }) => about === "traffic")?.verdict;
    return [state, verdict, advice.join().replace(/:.*/, "")];
  };
  expect(passing(3, 4)).toEqual(["connected", "ok", ""]);
  expect(passing(0, 0)).toEqual(["connected", "note", ""]);
  expect(passing(0, 4)).toEqual([
    ...["connected", "problem", "packets go to the site and none come back"],
  ]);
  expect(passing(3, 0)).toEqual([
    ...["connected", "problem", "packets come from the site and none go back"],
  ]);
  const attempts = attemptsOf({ outcome: "refused", reason: "ts-unacceptable" });
  const half = explain({ ...FACTS, attempts, eroutes: [view] });
  expect(half.state).toBe("incomplete");
  expect(half.summary).toBe("site-1 has an IKE SA but no Child SA: no subnets in common");
  expect(explain({ ...FACTS, eroutes: [view] }).summary).toEndWith(": no packet passes");
  expect(half.advice[0]).toContain("remip, remmsk");
});

test("attempts from an address, if no ID is that address", () => {
  const attempts = attemptsOf({ peerId: "site-1", reason: "timeout" });
  const asked = { ...FACTS, asked: "198.51.100.7", match: { kind: "address" } as const };
  const explained = explain({ ...asked, row: { kind: "none" }, attempts, peersThere: ["site-9"] });
  expect(explained.state).toBe("failed");
  expect(explained.findings.map(({ detail }) => detail).join()).toContain("from there came site-9");
});

test("without a daemon: eroute and row are judged, and nothing more", () => {
  const alone = { ...FACTS, isRunning: false, listening: [] };
  const right = explain(alone);
  expect([right.state, right.summary]).toEqual([
    "unknown",
    "whether site-1 is connected cannot be told: no answer from erouted",
  ]);
  expect(right.advice.join()).toContain("systemctl status erouted");
  const row = {
    kind: "faulty",
    source: "db",
    engine: "mysql",
    reason: "no-row",
    detail: "none",
  } as const;
  expect(explain({ ...alone, row }).state).toBe("blocked");
});

test("each reason has words, advice, and says what follows", () => {
  for (const reason of reasonsIn(REASONS)) {
    const { words, advice, adviceForFile } = REASONS[reason];
    expect([reason, words.length > 5, advice.length > 5]).toEqual([reason, true, true]);
    for (const text of [words, advice, adviceForFile ?? ""]) {
      expect([reason, /log around|tells more|\bwho has\b|\. *$/.test(text)]).toEqual([
        reason,
        false,
      ]);
    }
  }
});

test("a reason that ends attempts advises what to do, and its words begin with no capital", () => {
  for (const reason of FAILURE_NAMES) {
    if (reason === "other") continue;
    const { words, advice } = REASONS[reason];
    expect([reason, advice.length > 10]).toEqual([reason, true]);
    expect([reason, /^[A-Z](?![A-Z])/.test(words)]).toEqual([reason, false]);
  }
});

test("TS_UNACCEPTABLE stays the cause when the site calls again, deletes, or is timed out", () => {
  const refused = { reason: "ts-unacceptable", ikeSa: "1" } as const;
  const ended = { level: "info", step: "INFORMATIONAL", outcome: "note" } as const;
  const again = { ...refused, ikeSa: "2" };
  const after: readonly Partial<JournalEntry>[][] = [
    [refused, again, { ...ended, reason: "replaced-by-newer", ikeSa: "1" }],
    [refused, { ...ended, reason: "peer-deleted", ikeSa: "3" }],
    [refused, { ...ended, reason: "childless", ikeSa: "3" }],
    [
      { ...refused, step: "CREATE_CHILD_SA", outcome: "refused" },
      { ...ended, reason: "no-child-sa", ikeSa: "3" },
    ],
  ];
  for (const entries of after) {
    const explained = explain({ ...FACTS, attempts: attemptsOf(...entries) });
    expect(explained.summary).toBe("site-1 is not connected: no subnets in common");
    expect(explained.advice[0]).toContain("remip, remmsk");
  }
});

test("a failure before the site was connected is not why its connection ended", () => {
  const attempts = attemptsOf(
    { reason: "ts-unacceptable", ikeSa: "1" },
    { level: "info", outcome: "ok", reason: "child-sa-up", ikeSa: "2" },
    { level: "info", step: "INFORMATIONAL", outcome: "ok", reason: "peer-deleted", ikeSa: "2" },
  );
  expect(explain({ ...FACTS, attempts }).summary).toEndWith("any more: the site closed it");
});

test("a wrong IDr: both IDs side by side, and where to change which", () => {
  const attempts = attemptsOf(
    { level: "info", outcome: "ok", reason: "child-sa-up", ikeSa: "1" },
    {
      ...{ reason: "wrong-our-id", ikeSa: "1", offered: ["hub.example"] },
      ...{ wanted: ["concentrator.example"], detail: "the site expects our ID to be hub.example" },
    },
  );
  const explained = explain({ ...FACTS, attempts });
  expect(explained.summary).toBe("site-1 is not connected: the site expects another ID of us");
  expect(explained.comparison).toMatchObject({ about: "proof", offered: ["hub.example"] });
  expect(explained.advice[0]).toContain("ourid");
});

test("a recovered database gets no advice; a file gets none about grants", () => {
  const attempts = attemptsOf({ reason: "database-unreachable" });
  const well = explain({ ...FACTS, attempts });
  expect(well.advice[0]).toStartWith("the database answers again");
  const faulty = { kind: "faulty", source: "db", detail: "no" } as const;
  const advice = (engine: "mysql" | "sqlite", reason: DatabaseReason) =>
    explain({ ...FACTS, row: { ...faulty, engine, reason } }).advice.join();
  expect(advice("mysql", "database-access-denied")).toContain("grants");
  expect(advice("sqlite", "database-access-denied")).toMatch(/chown, chmod/);
  expect(advice("sqlite", "database-access-denied")).not.toContain("grants");
  expect(advice("sqlite", "database-unreachable")).not.toMatch(/host|port|network/);
});

test("a connection without a noted end, and a deleted Child SA, have advice", () => {
  const up = { level: "info", outcome: "ok", reason: "child-sa-up", ikeSa: "1" } as const;
  const gone = { level: "info", step: "INFORMATIONAL", outcome: "ok", ikeSa: "1" } as const;
  const bare = explain({ ...FACTS, attempts: attemptsOf(up) });
  expect([bare.state, bare.advice.length > 0]).toEqual(["ended", true]);
  const attempts = attemptsOf(up, { ...gone, reason: "child-deleted" });
  const deleted = explain({ ...FACTS, attempts });
  expect(deleted.summary).toEndWith("any more: the site closed its Child SA");
  expect(deleted.advice[0]).toContain("the site's own log");
});

test("the place of a database is named once", () => {
  const source = "mysql://db/vpn table eroutes";
  const row = { kind: "faulty", source, engine: "mysql" } as const;
  const said = (detail: string) => {
    const faulty = { ...row, reason: "database-timeout", detail } as const;
    return explain({ ...FACTS, row: faulty }).findings.find(({ about }) => about === "row")?.detail;
  };
  expect(said("mysql://db/vpn table eroutes: no answer")).toBe(
    "mysql://db/vpn table eroutes: no answer",
  );
  expect(said("the row has no remip")).toBe("mysql://db/vpn table eroutes: the row has no remip");
});

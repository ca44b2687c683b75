/** Attempts that stop at each message: what the history of a site says about them. */

import { expect, test } from "bun:test";
import { createJournal } from "../../src/concentrator/journal/create-journal.ts";
import { Encr, Integ, Ke, TransformType } from "../../src/crypto/transform.ts";
import { notify } from "../../src/ike/v2/notify.ts";
import { type Attempts, createAttempts } from "../../src/why/attempts.ts";
import { apart, compare } from "../../src/why/compare.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import type { Caller } from "./caller.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { rowOf } from "./database.ts";
import { BASE_EROUTE, IKE_SUITE, LIMITS, NORMAL_EROUTE, planOf, selectorOf } from "./plan.ts";
import { transformOf } from "./site-messages.ts";
import type { Ask, SiteSettings } from "./site-state.ts";
import { layTable, type Table, type TableOptions } from "./table.ts";

const ADDRESS = "192.0.2.1";
const SHA1_ESP = [
  transformOf(TransformType.ENCR, Encr.AES_CBC, 256),
  transformOf(TransformType.INTEG, Integ.HMAC_SHA1_96),
  transformOf(TransformType.ESN, 0),
];

type Scene = {
  readonly table?: TableOptions;
  readonly site?: Partial<SiteSettings>;
  readonly prepare?: (table: Table) => void;
  /** How the site continues; by default as far as possible. */
  readonly play?: (caller: Caller, table: Table) => void;
};

/** The history that a scene leaves of site-1. */
function historyOf({ table: options, site, prepare, play }: Scene): Attempts {
  const table = layTable(options);
  putRow(table, 1);
  prepare?.(table);
  const caller = seat(table, settingsOf(1, site));
  caller.connect();
  if (play === undefined) caller.settle();
  else play(caller, table);
  table.advance(60_000);
  caller.settle();
  table.advance(60_000);
  const journal = createJournal(100);
  const attempts = createAttempts();
  for (const entry of table.journal) attempts.note(journal.add(entry, 0));
  return attempts;
}

/** `failed at IKE_AUTH: wrong-psk`, the newest first. */
function saidOf(attempts: Attempts): readonly string[] {
  const known = attempts.ofPeer("site-1");
  return (known.length > 0 ? known : attempts.ofAddress(ADDRESS)).map(
    ({ outcome, record: { step, reason } }) => `${outcome} at ${step}: ${reason}`,
  );
}

test("IKE_SA_INIT: no algorithms in common, or no IKE_AUTH after it", () => {
  const ike = [transformOf(TransformType.ENCR, Encr.AES_CBC, 256)];
  const refused = historyOf({ site: { ike } });
  expect(saidOf(refused)).toEqual(["failed at IKE_SA_INIT: no-proposal-chosen"]);
  const [attempt] = refused.ofAddress(ADDRESS);
  expect(attempt?.record.offered).toEqual(["AES_CBC_256/X25519"]);
  expect(attempt?.record.wanted?.[0]).toContain("AES_GCM_16_128");
  const alone = historyOf({ play: (caller) => void caller.step() });
  expect(saidOf(alone)).toEqual(["failed at IKE_AUTH: timeout"]);
});

test("IKE_AUTH: another eroute's algorithms: both sides, and what decided", () => {
  const ike = [{ ...IKE_SUITE, ke: [Ke.ECP_384] }];
  const plan = planOf(LIMITS, { eroutes: [{ ...BASE_EROUTE, ike }, NORMAL_EROUTE] });
  const refused = historyOf({ table: { plan } });
  expect(saidOf(refused)).toEqual(["failed at IKE_AUTH: algorithms-of-eroute"]);
  const [attempt] = refused.ofPeer("site-1");
  const comparison = attempt === undefined ? undefined : compare(attempt.record);
  if (comparison === undefined) throw new Error("both sides are not there");
  expect(apart(comparison)).toEqual([
    { part: "key exchange", offered: ["X25519"], configured: ["ECP_384"], common: [] },
  ]);
});

test("IKE_AUTH: the key, the row, the database", () => {
  const psk = new TextEncoder().encode("wrong");
  expect(saidOf(historyOf({ site: { psk } }))).toEqual(["failed at IKE_AUTH: wrong-psk"]);
  const put = (row: ReturnType<typeof rowOf>) => (table: Table) => table.database.put(row);
  const scenes: readonly [string, (table: Table) => void][] = [
    ["no-row", (table) => table.database.remove("site-1")],
    ["no-password", put(rowOf("site-1", null, "192.168.1.0"))],
    ["outside-base-subnet", put(rowOf("site-1", "secret 1", "10.1.1.0"))],
    ["database-timeout", (table) => table.database.fail("timeout")],
  ];
  for (const [reason, prepare] of scenes) {
    expect(saidOf(historyOf({ prepare }))).toEqual([`failed at IKE_AUTH: ${reason}`]);
  }
});

test("IKE_AUTH without a Child SA: subnets, algorithms, the kernel; it was never connected", () => {
  const leaves = (caller: Caller) => {
    caller.settle();
    caller.ask({ kind: "delete-ike" });
    caller.settle();
  };
  const subnets = historyOf({ site: { tsI: [selectorOf("10.77.0.0/16")] }, play: leaves });
  expect(saidOf(subnets)).toEqual(["failed at IKE_AUTH: ts-unacceptable"]);
  expect(subnets.ofPeer("site-1")[0]?.record.offered).toEqual(["10.0.0.0/16 === 10.77.0.0/16"]);
  expect(saidOf(historyOf({ site: { esp: SHA1_ESP }, play: leaves }))).toEqual([
    "failed at IKE_AUTH: no-proposal-chosen",
  ]);
  const table: TableOptions = {
    kernelFaults: (request) => (request.op === "new-state" ? 12 : undefined),
  };
  const waits = (caller: Caller, at: Table) => {
    caller.settle();
    at.advance(30_000);
  };
  const kernel = historyOf({ table, play: waits });
  expect(saidOf(kernel)).toEqual(["failed at IKE_AUTH: kernel-out-of-memory"]);
  expect(kernel.ofPeer("site-1")[0]?.times).toBe(1);
  expect(kernel.ofPeer("site-1")[0]?.record.detail).toContain("ENOMEM");
});

test("CREATE_CHILD_SA: a further Child SA that is refused leaves the site connected before", () => {
  const play = (caller: Caller) => {
    caller.settle();
    caller.ask({ kind: "say", exchangeType: ExchangeType.CREATE_CHILD_SA, payloads: [] });
    caller.settle();
  };
  const [last, before] = saidOf(historyOf({ play }));
  expect(last).toStartWith("refused at CREATE_CHILD_SA: ");
  expect(before).toBe("connected at IKE_AUTH: child-sa-up");
});

test("the end: by the site, and by its silence", () => {
  const play = (caller: Caller) => {
    caller.settle();
    caller.ask({ kind: "delete-ike" });
    caller.settle();
  };
  expect(saidOf(historyOf({ play }))).toEqual([
    "ended at INFORMATIONAL: peer-deleted",
    "connected at IKE_AUTH: child-sa-up",
  ]);
  const plan = planOf(LIMITS, { eroutes: [{ ...BASE_EROUTE, livenessMs: 5_000 }] });
  const silent = historyOf({
    table: { plan },
    play: (caller, table) => {
      caller.settle();
      table.advance(600_000);
      table.sent.length = 0;
    },
  });
  expect(saidOf(silent)).toEqual([
    "ended at INFORMATIONAL: peer-silent",
    "connected at IKE_AUTH: child-sa-up",
  ]);
});

test("IKE_AUTH: a site that expects another ID of ours gives up: both IDs are named", () => {
  const site = { expects: parseIdentity("hub.example") };
  const attempts = historyOf({ site, play: deleting({ kind: "delete-ike" }) });
  expect(saidOf(attempts)[0]).toBe("failed at IKE_AUTH: wrong-our-id");
  const [last] = attempts.ofPeer("site-1");
  expect(last?.record.detail).toBe(
    "the site expects our ID to be hub.example, ours is concentrator.example",
  );
  expect([last?.record.offered, last?.record.wanted]).toEqual([
    ["hub.example"],
    ["concentrator.example"],
  ]);
  const told = historyOf({
    site,
    play: deleting({
      kind: "say",
      exchangeType: ExchangeType.INFORMATIONAL,
      payloads: [notify(NotifyType.AUTHENTICATION_FAILED)],
    }),
  });
  expect(saidOf(told)[0]).toBe("failed at IKE_AUTH: wrong-our-id");
});

test("INFORMATIONAL: a site that says AUTHENTICATION_FAILED leaves its reason", () => {
  const payloads = [notify(NotifyType.AUTHENTICATION_FAILED)];
  const say = { kind: "say", exchangeType: ExchangeType.INFORMATIONAL, payloads } as const;
  const attempts = historyOf({ play: deleting(say) });
  expect(saidOf(attempts)[0]).toBe("failed at IKE_AUTH: peer-refused-authentication-failed");
});

test("a Child SA that the site deletes leaves an event; one that was rekeyed does not", () => {
  const gone = historyOf({ play: deleting("delete-child") });
  expect(saidOf(gone)).toContain("ended at INFORMATIONAL: child-deleted");
  const rekeyed = historyOf({ play: deleting("rekey-child") });
  expect(saidOf(rekeyed).join()).not.toContain("child-deleted");
});

test("an IKE SA that was rekeyed counts as replaced, one that was deleted as closed", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  caller.ask({ kind: "rekey-ike" });
  caller.settle();
  const counted = () => {
    const { counters } = table.concentrator.snapshot();
    return [counters.ike_sas_rekeyed, counters.ike_sas_replaced, counters.ike_sas_closed];
  };
  expect(counted()).toEqual([1, 1, 0]);
  caller.ask({ kind: "delete-ike" });
  caller.settle();
  expect(counted()).toEqual([1, 1, 1]);
});

/** Connects, and requests something at once. */
function deleting(what: Ask | "delete-child" | "rekey-child"): NonNullable<Scene["play"]> {
  return (caller) => {
    caller.settle();
    const [child] = caller.session().children;
    const spiIn = child?.spiIn ?? 0;
    caller.ask(typeof what === "string" ? { kind: what, spiIn } : what);
    caller.settle();
  };
}

/** What strangers and faulty peers can do to an established IKE SA, and what they cannot. */

import { expect, test } from "bun:test";
import { notify } from "../../src/ike/v2/notify.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { sealOne } from "./one-datagram.ts";
import { CONCENTRATOR, endpointOf, selectorOf } from "./plan.ts";
import { createPrng } from "./prng.ts";
import { rekeyNotify } from "./site-messages.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

test("R10: a site that asks for everything gets its row's subnet and nothing wider", () => {
  const wide = { tsI: [selectorOf("0.0.0.0/0")], tsR: [selectorOf("0.0.0.0/0")] };
  const { table, caller } = connected(wide);
  const child = caller.session().children[0];
  expect(child?.tsI).toEqual([selectorOf("192.168.1.0/24")]);
  expect(child?.tsR).toEqual([selectorOf("10.0.0.0/16")]);
  expect([...table.kernel.policies.keys()]).toEqual([
    "in 192.168.1.0/24 10.0.0.0/16 0//",
    "fwd 192.168.1.0/24 10.0.0.0/16 0//",
    "out 10.0.0.0/16 192.168.1.0/24 0//",
  ]);
});

test("R10: a site that asks for another site's subnet gets TS_UNACCEPTABLE and no Child SA", () => {
  const { table, caller } = connected({ tsI: [selectorOf("192.168.2.0/24")] });
  const refused = caller.heard.find((heard) => heard.kind === "refused");
  expect(refused?.kind === "refused" && refused.notify).toBe(NotifyType.TS_UNACCEPTABLE);
  expect(table.kernel.states.size).toBe(0);
  expect(table.concentrator.snapshot().gauges.ikeSas).toBe(1);
});

test("garbage, messages cut short and flipped bits change nothing, and are never answered", () => {
  const { table, caller } = connected();
  const before = whatStands(table);
  caller.ask({ kind: "delete-ike" });
  const [request] = caller.outbox.splice(0);
  const octets = request?.octets ?? new Uint8Array(0);
  const { local, remote } = caller.site.path;
  const path = { local: remote, remote: local };
  const prng = createPrng(3);
  for (let length = 0; length < octets.length; length++) {
    table.deliver(octets.subarray(0, length), path);
  }
  // After the IKE header: its content decides where the message goes.
  for (let at = 28; at < octets.length; at++) {
    table.deliver(octets.with(at, (octets[at] ?? 0) ^ (1 << prng.below(8))), path);
  }
  for (let count = 0; count < 200; count++) {
    const noise = prng.octets(prng.below(100) + 17);
    noise.set(octets.subarray(0, 17));
    table.deliver(noise, path);
  }
  expect(table.sent).toEqual([]);
  expect(whatStands(table)).toEqual(before);
  expect(table.concentrator.snapshot().counters.messages_bad_icv).toBeGreaterThan(10);
  table.deliver(octets, path);
  expect(table.kernel.states.size).toBe(0);
});

test("a message ID outside the window of one is counted, reported once, not answered", () => {
  const { table, caller } = connected();
  const { secured, nextId } = caller.session();
  const { local, remote } = caller.site.path;
  for (const messageId of [0, nextId + 1, nextId + 1_000, 0xffff_ffff]) {
    const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false, messageId };
    const octets = sealOne(secured, head, [], (count) => new Uint8Array(count));
    table.deliver(octets, { local: remote, remote: local });
  }
  expect(table.sent.map(({ octets }) => parseHeader(octets))).toMatchObject([
    { ok: true, value: { exchangeType: ExchangeType.INFORMATIONAL, flags: { response: false } } },
  ]);
  expect(table.concentrator.snapshot().counters.messages_out_of_window).toBe(4);
});

test("REKEY_SA of an unknown SPI: CHILD_SA_NOT_FOUND, and the IKE SA continues", () => {
  const { caller } = connected();
  const rekey = rekeyNotify(0x1234_5678);
  caller.ask({ kind: "new-child" });
  caller.settle();
  const { esp, tsI, tsR } = caller.site.settings;
  const proposal = { number: 1, protocol: 3, spi: Uint8Array.of(9, 9, 9, 9), transforms: esp };
  caller.ask({
    kind: "say",
    exchangeType: ExchangeType.CREATE_CHILD_SA,
    payloads: [
      rekey,
      { kind: "SA", proposals: [proposal] },
      { kind: "NONCE", data: new Uint8Array(32) },
      { kind: "TSi", selectors: tsI, unknown: 0 },
      { kind: "TSr", selectors: tsR, unknown: 0 },
    ],
  });
  caller.settle();
  const answer = caller.heard.findLast((heard) => heard.kind === "answer");
  const [refusal] = answer?.kind === "answer" ? answer.payloads : [];
  expect(refusal).toMatchObject({
    type: NotifyType.CHILD_SA_NOT_FOUND,
    protocol: 3,
    spi: rekey.spi,
  });
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.session().children.length).toBe(2);
});

test("a notify of unknown type is ignored, and its request is answered", () => {
  const { table, caller } = connected();
  const payloads = [notify(40_960, Uint8Array.of(1)), notify(NotifyType.INITIAL_CONTACT)];
  caller.ask({ kind: "say", exchangeType: ExchangeType.INFORMATIONAL, payloads });
  caller.settle();
  const answer = caller.heard.at(-1);
  expect(answer?.kind === "answer" && answer.payloads).toEqual([]);
  expect(table.concentrator.snapshot().gauges.childSas).toBe(1);
});

test("without INITIAL_CONTACT the previous IKE SA goes on while the answer may come", () => {
  const { table, caller } = connected();
  reconnect(table, false);
  expect(table.kernel.states.size).toBe(4);
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
  table.advance(9_999);
  expect(table.concentrator.snapshot().gauges.childSas).toBe(2);
  table.advance(1);
  caller.settle();
  expect(caller.heard.at(-1)).toMatchObject({ kind: "ended", why: "deleted by concentrator" });
  expect(table.concentrator.snapshot().gauges).toMatchObject({ dynamicEroutes: 1, childSas: 1 });
  expect(table.journal.map(({ reason }) => reason)).toContain("replaced-by-newer");
});

test("a site that calls again and again has two IKE SAs at most", () => {
  const { table } = connected();
  for (let round = 0; round < 20; round++) {
    reconnect(table, false);
    expect(table.concentrator.snapshot().gauges.childSas).toBe(2);
  }
  table.advance(10_000);
  expect(table.concentrator.snapshot().gauges.childSas).toBe(1);
});

test("an IKE SA due for removal is removed although it has been rekeyed meanwhile", () => {
  const { table, caller } = connected();
  reconnect(table, false);
  caller.ask({ kind: "rekey-ike" });
  caller.settle();
  table.advance(10_000);
  expect(table.concentrator.snapshot().gauges.childSas).toBe(1);
});

test("from elsewhere: the previous IKE SA gets a Delete, once the new one is up", () => {
  const { table, caller } = connected();
  const again = reconnect(table, false, "203.0.113.9");
  expect(again.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  const kinds = table.effects.splice(0).flatMap((effect) => {
    if (effect.kind === "kernel") return [effect.op.op];
    return effect.kind === "send" ? ["send"] : [];
  });
  // IKE_SA_INIT, the new Child SA, IKE_AUTH; only then the objects of the old one.
  expect(kinds).toEqual([
    ...["send", "new-state", "new-state", "put-policy", "put-policy", "put-policy", "send"],
    // Its packets are accepted for a while, because some may be on their way.
    ...["delete-state", "send"],
  ]);
  caller.settle();
  expect(caller.heard.at(-1)).toMatchObject({ kind: "ended", why: "deleted by concentrator" });
  const { gauges } = table.concentrator.snapshot();
  expect([gauges.dynamicEroutes, gauges.childSas]).toEqual([1, 1]);
});

test("with INITIAL_CONTACT the previous IKE SA is replaced without notice", () => {
  const { table, caller } = connected();
  reconnect(table, true);
  caller.hear();
  expect(caller.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);
  table.advance(6_000);
  expect(table.kernel.states.size).toBe(2);
  expect(table.concentrator.tableSizes().ikeSas).toBe(1);
});

test("INITIAL_CONTACT with a wrong key replaces nothing", () => {
  const { table, caller } = connected();
  const psk = new TextEncoder().encode("guess");
  const stranger = seat(table, settingsOf(1, { psk, initialContact: true }));
  stranger.connect();
  stranger.settle();
  table.advance(20_000);
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
  expect(table.concentrator.snapshot().gauges.childSas).toBe(1);
});

test("a bug met while handling one IKE SA costs that IKE SA, its states too, and no other", () => {
  let isBroken = false;
  const table = layTable({
    random(count, prng) {
      if (isBroken) throw new Error("a bug of ours");
      return prng.octets(count);
    },
  });
  const [first, second] = [1, 2].map((number) => {
    putRow(table, number);
    const caller = seat(table, settingsOf(number));
    caller.connect();
    caller.settle();
    return caller;
  });
  isBroken = true;
  first?.ask({ kind: "new-child" });
  first?.settle();
  isBroken = false;
  expect(table.concentrator.snapshot().counters.internal_errors).toBe(1);
  expect(table.journal.at(-2)).toMatchObject({ reason: "internal-error", peerId: "site-1" });
  const { gauges } = table.concentrator.snapshot();
  expect([gauges.dynamicEroutes, gauges.childSas, table.kernel.states.size]).toEqual([1, 1, 2]);
  second?.ask({ kind: "new-child" });
  second?.settle();
  expect(second?.session().children.length).toBe(2);
});

test("a bug met at any step of a negotiation leaves counts and tables as they were", () => {
  // Draws in order: key of row prints, cookie secret, IKE SPI, private value, Nr, ESP SPI, reqid.
  for (const [broken, isOfIkeSa] of [
    [3, false],
    [4, false],
    [5, true],
    [6, true],
    [7, true],
  ] as const) {
    let draws = 0;
    const table = layTable({
      random(count, prng) {
        if (++draws === broken) throw new Error("a bug of ours");
        return prng.octets(count);
      },
    });
    putRow(table, 1);
    const caller = seat(table, settingsOf(1));
    caller.connect();
    // Before there is an IKE SA, the shell has to catch it.
    if (isOfIkeSa) caller.settle();
    else expect(() => caller.settle()).toThrow("a bug of ours");
    const { internal_errors: errors } = table.concentrator.snapshot().counters;
    expect(errors).toBe(isOfIkeSa ? 1 : 0);
    const sizes = table.concentrator.tableSizes();
    expect([sizes.halfOpen.kept, sizes.ikeSas, sizes.initRequests]).toEqual([0, 0, 0]);
    expect([sizes.eroutes, sizes.childSas, sizes.reqids, sizes.deadlines]).toEqual([0, 0, 0, 0]);
  }
});

test("shutdown tells all sites in portions, and is idle when all have answered", () => {
  const table = layTable();
  const callers = Array.from({ length: 70 }, (_, index) => {
    putRow(table, index + 1);
    const caller = seat(table, settingsOf(index + 1));
    caller.connect();
    caller.settle();
    return caller;
  });
  table.effects.length = 0;
  table.feed({ kind: "shutdown" });
  expect(table.sent.length).toBe(32);
  expect(table.concentrator.isIdle()).toBe(false);
  table.advance(2);
  expect(table.sent.length).toBe(70);
  expect(table.kernel.states.size).toBe(0);
  const late = seat(table, settingsOf(71));
  late.connect();
  late.step();
  expect(table.sent.length).toBe(70);
  for (const caller of callers) caller.settle();
  expect(table.concentrator.isIdle()).toBe(true);
});

test("shutdown does not wait for ever for sites that do not answer", () => {
  const { table } = connected();
  table.feed({ kind: "shutdown" });
  table.advance(20_000);
  expect(table.concentrator.isIdle()).toBe(true);
  expect(table.sent.length).toBe(4);
});

function connected(changes: Partial<SiteSettings> = {}) {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  table.effects.length = 0;
  return { table, caller };
}

/** The same site again, as after a power cut. */
function reconnect(table: Table, initialContact: boolean, from = "192.0.2.1"): Caller {
  const path = { local: endpointOf(from, 500), remote: endpointOf(CONCENTRATOR, 500) };
  const again = seat(table, settingsOf(1, { initialContact, path }));
  again.connect();
  for (let message = 0; message < 2; message++) {
    again.step();
    again.hear();
  }
  return again;
}

function whatStands(table: Table) {
  const { ikeSas, childSas, eroutes } = table.concentrator.tableSizes();
  return { ikeSas, childSas, eroutes, states: [...table.kernel.states.keys()] };
}

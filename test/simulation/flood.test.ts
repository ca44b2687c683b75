/** A flood of IKE_SA_INIT requests from forged addresses. */

import { expect, test } from "bun:test";
import { addressFromOctets } from "../../src/inet/address.ts";
import { patient } from "../patience.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { LIMITS, planOf } from "./plan.ts";
import { createPrng } from "./prng.ts";
import { layTable } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const FLOOD = 100_000;
const PER_MS = 20;

test(
  "100,000 spoofed requests leave the tables bounded, and a real site still connects",
  () => {
    const table = layTable({ plan: planOf(LIMITS), keyExchange: toyKeyExchange });
    putRow(table, 1);
    const prng = createPrng(5);
    const template = seat(table, settingsOf(2));
    template.connect();
    const octets = template.outbox[0]?.octets ?? new Uint8Array(0);
    const { remote: local } = template.site.path;
    const most = { ikeSas: 0, initRequests: 0, keyExchanges: 0, deadlines: 0 };
    for (let count = 0; count < FLOOD; count++) {
      octets.set(prng.octets(8));
      const address = addressFromOctets(prng.octets(4));
      if (address === undefined) continue;
      table.deliver(octets, { local, remote: { address, port: 500 } });
      if (count % PER_MS === 0) table.advance(1);
      if (count % 5_000 !== 0) continue;
      const sizes = table.concentrator.tableSizes();
      for (const name of ["ikeSas", "initRequests", "keyExchanges", "deadlines"] as const) {
        most[name] = Math.max(most[name], sizes[name]);
      }
      table.sent.length = 0;
      table.effects.length = 0;
    }
    expect(most.ikeSas).toBeLessThanOrEqual(LIMITS.halfOpenMax);
    expect(most.initRequests).toBeLessThanOrEqual(LIMITS.halfOpenMax);
    expect(most.deadlines).toBeLessThanOrEqual(LIMITS.halfOpenMax);
    expect(table.concentrator.snapshot().counters.cookies_sent).toBeGreaterThan(FLOOD / 2);
    expect(table.journal.length).toBeLessThan(5_000);
    table.sent.length = 0;

    const caller = seat(table, settingsOf(1), toyKeyExchange);
    caller.connect();
    caller.settle();
    expect(caller.heard.map((heard) => heard.kind)).toEqual(["established", "child-up"]);

    table.advance(60_000);
    expect(table.concentrator.tableSizes()).toMatchObject({ ikeSas: 1, initRequests: 0 });
  },
  patient(60_000),
);

test("a flood of requests that make no sense is answered and noted at a bounded rate", () => {
  const table = layTable();
  const caller = seat(table, settingsOf(1, { ke: [15] }));
  caller.connect();
  const octets = caller.outbox[0]?.octets ?? new Uint8Array(0);
  const { local, remote } = caller.site.path;
  const prng = createPrng(6);
  for (let count = 0; count < 5_000; count++) {
    octets.set(prng.octets(8));
    table.deliver(octets, { local: remote, remote: local });
  }
  expect(table.sent.length).toBe(500);
  expect(table.journal.length).toBe(20);
  expect(table.concentrator.snapshot().counters.datagrams_rate_limited).toBe(4_500);
});

/** Sites that ask for an inner address: what they get, in which exchange (RFC 7296 §2.19). */

import { expect, test } from "bun:test";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { CpPayload } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { type Caller, seat, settingsOf } from "./caller.ts";
import { selectorOf } from "./plan.ts";
import { espOffer } from "./site-messages.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";

/** INTERNAL_IP4_ADDRESS with a preferred address, which is ignored. */
const REQUEST: CpPayload = {
  kind: "CP",
  cfgType: 1,
  attributes: [{ type: 1, value: Uint8Array.of(192, 168, 2, 2) }],
};
const ANYWHERE = [selectorOf("0.0.0.0/0")];

test("§2.19: a site whose row has one address gets it, and a Child SA for it alone", () => {
  const { table, caller } = connected("192.168.1.7/32");
  expect(repliesIn(caller)).toMatchObject([{ cfgType: 2 }]);
  const [reply] = repliesIn(caller);
  expect(reply?.attributes[0]).toEqual({ type: 1, value: Uint8Array.of(192, 168, 1, 7) });
  const [child] = caller.session().children;
  expect(child).toMatchObject({
    tsI: [selectorOf("192.168.1.7/32")],
    tsR: [selectorOf("10.0.0.0/16")],
  });
  expect(table.journal.find(({ reason }) => reason === "inner-address")?.detail).toBe(
    "given 192.168.1.7",
  );
});

test("§3.15.4: a site whose row has a subnet is refused the address, and keeps its IKE SA", () => {
  const { table, caller } = connected("192.168.1.0/24");
  expect(repliesIn(caller)).toEqual([]);
  expect(caller.heard).toContainEqual({
    kind: "refused",
    asked: "first Child SA",
    notify: NotifyType.INTERNAL_ADDRESS_FAILURE,
  });
  expect(table.concentrator.snapshot().gauges).toMatchObject({ ikeSas: 1, childSas: 0 });
  const entry = table.journal.find(({ reason }) => reason === "internal-address-failure");
  expect(entry?.detail).toContain("it is 192.168.1.0/24");
});

test("§2.19: a site that asks for nothing gets no Configuration payload", () => {
  const { caller } = connected("192.168.1.7/32", { configuration: { ...REQUEST, cfgType: 3 } });
  expect(repliesIn(caller)).toEqual([]);
  expect(caller.session().children.length).toBe(1);
});

test("RFC 6023: the address comes without a Child SA too, and in CREATE_CHILD_SA", () => {
  const { caller } = connected("192.168.1.7/32", { childless: true });
  expect(repliesIn(caller).length).toBe(1);
  caller.ask({
    kind: "say",
    exchangeType: ExchangeType.CREATE_CHILD_SA,
    payloads: [
      REQUEST,
      espOffer(caller.site.settings.esp, 0x12345, undefined),
      { kind: "NONCE", data: new Uint8Array(32).fill(5) },
      { kind: "TSi", selectors: ANYWHERE, unknown: 0 },
      { kind: "TSr", selectors: ANYWHERE, unknown: 0 },
    ],
  });
  caller.settle();
  const answer = caller.heard.at(-1);
  if (answer?.kind !== "answer") throw new Error("an answer comes");
  expect(answer.payloads.map(({ kind }) => kind)).toEqual(["CP", "SA", "NONCE", "TSi", "TSr"]);
  expect(answer.payloads[3]).toMatchObject({ selectors: [selectorOf("192.168.1.7/32")] });
});

function connected(
  remip: string,
  changes: Partial<SiteSettings> = {},
): { readonly table: Table; readonly caller: Caller } {
  const table = layTable();
  const row = { peerip: null, bakpeerip: null, ourid: null, remmsk: null };
  table.database.put({ ...row, peerid: "site-1", password: "secret 1", remip });
  const asks = { configuration: REQUEST, tsI: ANYWHERE, tsR: ANYWHERE };
  const caller = seat(table, settingsOf(1, { ...asks, ...changes }));
  caller.connect();
  caller.settle();
  return { table, caller };
}

function repliesIn({ heard }: Caller): readonly CpPayload[] {
  return heard.flatMap((output) => (output.kind === "configured" ? [output.reply] : []));
}

/**
 * The most expensive known messages, each with its own table: every list and string as long as a
 * datagram allows, from strangers, from unauthenticated peers, and from a site.
 */

import { notify } from "../../src/ike/v2/notify.ts";
import { sealMessage } from "../../src/ike/v2/protect.ts";
import { assert } from "../../src/octets/assert.ts";
import { Writer } from "../../src/octets/writer.ts";
import { asIkeSpi, parseHeader } from "../../src/wire/header.ts";
import { IdType } from "../../src/wire/identity.ts";
import { emitMessage } from "../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../src/wire/v2/payload-chain.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, patternOf, planOf, prefixOfText } from "./plan.ts";
import type { SiteSettings } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";
import { toyAuth } from "./toy-signature.ts";
import {
  AUTH_CERTIFICATES,
  AUTH_PARTS,
  AUTH_SETTINGS,
  all,
  CHILDREN,
  type FromSite,
  hosts,
  IDENTITIES,
  INFORMATION,
  INIT_PARTS,
  many,
  random,
  text,
  vendor,
} from "./worst-payloads.ts";

export type WorstMessage = {
  readonly name: string;
  /** All that comes before it; returns what delivers it. */
  prepare(): Prepared;
};

export type Prepared = { readonly table: Table; deliver(): void };

/** All of them. With `debug` the site is traced. */
export function worstMessages({ debug }: { readonly debug: boolean }): readonly WorstMessage[] {
  const lay = () => {
    // Each site may have all subnets, so that narrowing has the most to do.
    const auth = toyAuth(undefined, "either");
    const base = { ...BASE_EROUTE, auth, localSubnets: EVERYTHING, remoteSubnets: EVERYTHING };
    const wild = { ...base, name: "wild", peerid: patternOf(`*${"a*".repeat(120)}b`) };
    const table = layTable({ plan: planOf({}, { eroutes: [base, wild] }) });
    putRow(table, 1);
    table.database.put({ ...ROW, peerid: "site-2" });
    const traced = new Set(["site-1", "site-2", "192.0.2.1", "192.0.2.2"]);
    if (debug) table.feed({ kind: "trace", traced });
    return table;
  };
  return [
    ...INIT_PARTS.map(([name, payloads]) => fromStranger(lay, name, payloads)),
    ...IDENTITIES.map(([name, identity]) => authOf(lay, name, { identity })),
    ...AUTH_SETTINGS.map(([name, settings]) => authOf(lay, name, settings)),
    ...[...AUTH_PARTS, ...AUTH_CERTIFICATES].map(([name, payloads]) =>
      authWith(lay, name, payloads),
    ),
    ...CHILDREN.map(([name, payloads]) =>
      fromSite(lay, `CREATE_CHILD_SA: ${name}`, ExchangeType.CREATE_CHILD_SA, () => payloads),
    ),
    ...INFORMATION.map(([name, payloads]) =>
      fromSite(lay, `INFORMATIONAL: ${name}`, ExchangeType.INFORMATIONAL, payloads),
    ),
    lastFragment(lay),
    payloadsBeforeEncrypted(lay),
  ];
}

const EVERYTHING = [prefixOfText("0.0.0.0/0"), prefixOfText("::/0")];
const ROW = {
  ...{ password: "secret 2", remip: "0.0.0.0/0, ::/0", remmsk: null },
  ...{ peerip: null, bakpeerip: null, ourid: null },
};

function fromStranger(lay: () => Table, name: string, before: readonly Payload[]): WorstMessage {
  return {
    name: `IKE_SA_INIT: ${name}`,
    prepare() {
      const table = lay();
      const caller = seat(table, settingsOf(1));
      caller.connect();
      const { octets, path } = initWith(caller, before);
      return { table, deliver: () => table.deliver(octets, path) };
    },
  };
}

/** The site's IKE_SA_INIT with other payloads before its own; an SA among them replaces its own. */
function initWith(caller: Caller, before: readonly Payload[]) {
  const first = caller.outbox.shift();
  assert(first !== undefined, "a request");
  const header = parseHeader(first.octets);
  assert(header.ok, "a header");
  const { nextPayload, spiI } = header.value;
  const good = parsePayloads(nextPayload, first.octets.subarray(28), "IKE_SA_INIT");
  assert(good.ok, "its payloads");
  const hasSa = before.some(({ kind }) => kind === "SA");
  const payloads = good.value.payloads.filter(({ kind }) => !hasSa || kind !== "SA");
  const octets = emitMessage(
    {
      ...{ spiI, spiR: asIkeSpi(0n), version: { major: 2, minor: 0 }, messageId: 0 },
      exchangeType: ExchangeType.IKE_SA_INIT,
      flags: { initiator: true, version: false, response: false },
    },
    [...before, ...payloads],
  );
  const { local, remote } = first.path;
  return { octets, path: { local: remote, remote: local } };
}

/** A site that connects with these settings, up to its IKE_AUTH. */
function authOf(lay: () => Table, name: string, changes: Partial<SiteSettings>): WorstMessage {
  return {
    name: `IKE_AUTH: ${name}`,
    prepare() {
      const table = lay();
      const caller = seat(table, { ...settingsOf(2), ...changes });
      caller.connect();
      caller.step();
      caller.hear();
      return { table, deliver: () => void caller.step() };
    },
  };
}

/** The IKE_AUTH of an unauthenticated peer: its ID is right, the rest is given. */
function authWith(lay: () => Table, name: string, payloads: readonly Payload[]): WorstMessage {
  return {
    name: `IKE_AUTH: ${name}`,
    prepare() {
      const table = lay();
      const { octets, path } = sealedAuth(table, payloads);
      return {
        table,
        deliver() {
          for (const one of octets) table.deliver(one, path);
        },
      };
    },
  };
}

function sealedAuth(table: Table, payloads: readonly Payload[], fragmentOctets?: number) {
  const caller = seat(table, settingsOf(2));
  caller.connect();
  const first = initWith(caller, [notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)]);
  table.deliver(first.octets, first.path);
  caller.hear();
  const { negotiation, path } = caller.site;
  assert(negotiation?.phase === "authenticating", "IKE_SA_INIT is done");
  const body = new Writer(10).u8(IdType.FQDN).zeros(3).octets(text("site-2")).done();
  const id: Payload = {
    kind: "IDi",
    identity: { idType: IdType.FQDN, data: text("site-2") },
    body,
  };
  const auth: Payload = { kind: "AUTH", method: 2, data: random(32) };
  const octets = sealMessage(
    { ...negotiation.secured, fragmentOctets },
    { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId: 1 },
    [id, ...payloads, auth],
    { random, onMessage: undefined },
  );
  return { octets, path: { local: path.remote, remote: path.local } };
}

/** All but the last of 120 fragments have arrived. */
function lastFragment(lay: () => Table): WorstMessage {
  return {
    name: "IKE_AUTH: the last of many fragments",
    prepare() {
      const table = lay();
      const { octets, path } = sealedAuth(
        table,
        many(6_000, () => vendor),
        600,
      );
      for (const one of octets.slice(0, -1)) table.deliver(one, path);
      const last = octets.at(-1);
      assert(last !== undefined && octets.length > 40, "a message in fragments");
      return { table, deliver: () => table.deliver(last, path) };
    },
  };
}

/** A site with as many Child SAs as it may have, with as many subnets as there is room for. */
function fromSite(
  lay: () => Table,
  name: string,
  exchangeType: number,
  payloads: FromSite,
): WorstMessage {
  return {
    name,
    prepare() {
      const table = lay();
      const isInformational = exchangeType === ExchangeType.INFORMATIONAL;
      const many = { tsI: hosts(4, 16), tsR: hosts(4, 16) };
      const settings = isInformational ? many : { tsI: all, tsR: all };
      const caller = seat(table, { ...settingsOf(2), ...settings });
      caller.connect();
      caller.settle();
      if (isInformational) fill(caller);
      caller.ask({ kind: "say", exchangeType, payloads: payloads(caller) });
      return { table, deliver: () => void caller.step() };
    },
  };
}

/** Further Child SAs of 17 pairs each, until there is no room. */
function fill(caller: Caller): void {
  const { site } = caller;
  for (let i = 1; i <= 15; i++) {
    const tsI = hosts(4, 17).map((host) => ({ ...host, protocol: i }));
    site.settings = { ...site.settings, tsI, tsR: all };
    caller.ask({ kind: "new-child" });
    caller.settle();
  }
  assert(caller.session().children.length === 16, "as many Child SAs as one may have");
}

/** Anybody can put payloads before an Encrypted payload. */
function payloadsBeforeEncrypted(lay: () => Table): WorstMessage {
  return {
    name: "forged: payloads before the Encrypted payload",
    prepare() {
      const table = lay();
      const caller = seat(table, { ...settingsOf(2), tsI: all, tsR: all });
      caller.connect();
      caller.settle();
      const { id } = caller.session().secured;
      const plain = emitMessage(
        {
          ...{ spiI: id.spiI, spiR: id.spiR, version: { major: 2, minor: 0 }, messageId: 2 },
          exchangeType: ExchangeType.INFORMATIONAL,
          flags: { initiator: true, version: false, response: false },
        },
        [...many(15_000, () => vendor), { kind: "OPAQUE", payloadType: 46, data: random(64) }],
      );
      const { local, remote } = caller.site.path;
      return { table, deliver: () => table.deliver(plain, { local: remote, remote: local }) };
    },
  };
}

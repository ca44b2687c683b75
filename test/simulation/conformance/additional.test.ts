/** Additional key exchanges with peers that do it wrong (RFC 9242, RFC 9370). */

import { expect, test } from "bun:test";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { halfOpenOctets } from "../../../src/ike/v2/half-open-octets.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { sealMessage } from "../../../src/ike/v2/protect.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import {
  connectedEnds,
  type Ends,
  type EndsSettings,
  established,
  layEnds,
  takeSeen,
} from "../ends.ts";
import { ESP_SUITE, IKE_SUITE } from "../plan.ts";

const IKE: Suite = { ...IKE_SUITE, additional: [[Ke.ECP_256], [Ke.ECP_384]], ke: [Ke.X25519] };
const ESP: Suite = { ...ESP_SUITE, additional: [[Ke.ECP_256]], ke: [Ke.X25519] };
const { IKE_INTERMEDIATE, IKE_AUTH, IKE_FOLLOWUP_KE, CREATE_CHILD_SA } = ExchangeType;

test("RFC 9242: the exchange is announced only where it is needed, and IDs count on", () => {
  const hybrid = layEnds(withSuites([IKE]));
  hybrid.run();
  const exchanges = (ends: Ends) => ends.wire.map(({ octets }) => [octets[18], octets[23]]);
  expect(exchanges(hybrid)).toEqual([
    ...[
      [34, 0],
      [34, 0],
      [43, 1],
      [43, 1],
      [43, 2],
      [43, 2],
      [35, 3],
      [35, 3],
    ],
  ]);
  expect(established(hybrid.a).algorithms.additional?.map(({ ke }) => ke)).toEqual([
    ...[Ke.ECP_256, Ke.ECP_384],
  ]);
  const announced = ({ wire }: Ends) =>
    wire.slice(0, 2).map(({ octets }) => octets.toHex().includes("000800004036"));
  expect(announced(hybrid)).toEqual([true, true]);
  const classical = layEnds();
  classical.run();
  expect(announced(classical)).toEqual([false, false]);
  expect(exchanges(classical).length).toBe(4);
});

test("RFC 9370: a wrong first message of IKE_INTERMEDIATE is refused, and nothing is kept", () => {
  const ecp256: Payload = { kind: "KE", method: Ke.ECP_256, data: new Uint8Array(64) };
  for (const payloads of [
    [],
    [notify(NotifyType.COOKIE)],
    [{ ...ecp256, method: Ke.ECP_384 }],
    [{ ...ecp256, data: new Uint8Array(63) }],
    [ecp256],
  ]) {
    const ends = beforeIntermediate();
    sayEarly(ends, IKE_INTERMEDIATE, payloads);
    const [answer] = takeSeen(ends.b).filter(({ way }) => way === "sent");
    expect(answer).toMatchObject({ exchangeType: IKE_INTERMEDIATE, response: true, messageId: 1 });
    expect(answer?.payloads).toMatchObject([{ type: NotifyType.INVALID_SYNTAX }]);
    expect(ends.b.effects.filter(({ kind }) => kind === "ended").length).toBe(1);
    expect([...ends.b.sas.values()].map(({ phase }) => phase)).toEqual(["ended"]);
    expect([...ends.b.sas.values()].map(halfOpenOctets)).toEqual([0]);
  }
});

test("RFC 9370: nobody skips a key exchange that was agreed on, or adds one", () => {
  const early = beforeIntermediate();
  sayEarly(early, IKE_AUTH, []);
  expect(takeSeen(early.b).filter(({ way }) => way === "sent")).toEqual([]);
  expect([...early.b.sas.values()].map(({ phase }) => phase)).toEqual(["responding"]);
  const none = layEnds({ onWay: ({ octets }) => (octets[18] === IKE_AUTH ? undefined : octets) });
  none.run();
  takeSeen(none.b);
  sayEarly(none, IKE_INTERMEDIATE, []);
  expect(takeSeen(none.b).filter(({ way }) => way === "sent")).toEqual([]);
});

test("a stranger's IKE_INTERMEDIATE that is too long is not even decrypted", () => {
  const ends = beforeIntermediate();
  sayEarly(ends, IKE_INTERMEDIATE, [notify(40_000, new Uint8Array(9_000))]);
  expect(takeSeen(ends.b)).toEqual([]);
  const counters = ends.b.effects.filter((one) => one.kind === "count");
  expect(counters.map(({ counter }) => counter)).toContain("messages_too_long");
});

test("each further round of a stranger costs the same memory, not more", () => {
  const sizes: number[] = [];
  const ends: Ends = layEnds({
    ...withSuites([IKE]),
    onWay: ({ octets }) => {
      sizes.push(...[...(ends?.b.sas.values() ?? [])].map(halfOpenOctets));
      return octets[18] === IKE_AUTH ? undefined : octets;
    },
  });
  ends.run();
  const [sa] = [...ends.b.sas.values()];
  sizes.push(sa === undefined ? 0 : halfOpenOctets(sa));
  const [first = 0] = sizes;
  expect(Math.max(...sizes) - first).toBeLessThan(2_048);
});

test("a changed IKE_INTERMEDIATE is noticed by AUTH: its values cover every octet", () => {
  const ends = layEnds(withSuites([IKE]));
  let isChanged = false;
  const changed = layEnds({
    ...withSuites([IKE]),
    onWay: ({ octets, from }) => {
      if (octets[18] !== IKE_INTERMEDIATE || from !== "a" || isChanged) return octets;
      isChanged = true;
      const [sa] = [...changed.a.sas.values()];
      const [request] = takeSeen(changed.a).filter((one) => one.exchangeType === IKE_INTERMEDIATE);
      if (sa?.phase !== "initiating" || request === undefined) throw new Error("no request");
      // Whoever knows the keys of IKE_SA_INIT could do this.
      const head = { exchangeType: IKE_INTERMEDIATE, response: false, messageId: 1 };
      const more = [...request.payloads, notify(40_000)];
      return sealMessage(sa.half, head, more, SOURCES)[0];
    },
  });
  changed.run();
  expect(isChanged).toBe(true);
  const phases = [...changed.a.sas.values(), ...changed.b.sas.values()].map(({ phase }) => phase);
  expect(phases).not.toContain("established");
  ends.run();
  expect(established(ends.b).children.length).toBe(1);
});

test("RFC 9370: IKE_FOLLOWUP_KE without a link that we know gets STATE_NOT_FOUND", () => {
  const ends = connectedEnds(withSuites([IKE]));
  takeSeen(ends.b);
  const ke: Payload = { kind: "KE", method: Ke.ECP_256, data: new Uint8Array(64) };
  for (const payloads of [[ke], [ke, notify(NotifyType.ADDITIONAL_KEY_EXCHANGE)]]) {
    const messageId = established(ends.b).inbound.nextId;
    ends.say(ends.a, { exchangeType: IKE_FOLLOWUP_KE, response: false, messageId }, payloads);
    const [answer] = takeSeen(ends.b).filter(({ way }) => way === "sent");
    expect(answer?.payloads).toMatchObject([{ type: NotifyType.STATE_NOT_FOUND }]);
    expect(established(ends.b).children.length).toBe(1);
  }
});

test("RFC 9370: a wrong method in IKE_FOLLOWUP_KE ends the series, not the IKE SA", () => {
  const ends = stoppedFollowup("ike");
  const link = established(ends.b).unfinished?.link ?? new Uint8Array(0);
  const ke: Payload = { kind: "KE", method: Ke.MODP_2048, data: new Uint8Array(256) };
  const say = () => {
    const messageId = established(ends.b).inbound.nextId;
    const head = { exchangeType: IKE_FOLLOWUP_KE, response: false, messageId };
    ends.say(ends.a, head, [ke, notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link)]);
    return takeSeen(ends.b).filter(({ way }) => way === "sent")[0]?.payloads;
  };
  expect(say()).toMatchObject([{ type: NotifyType.INVALID_SYNTAX }]);
  expect(say()).toMatchObject([{ type: NotifyType.STATE_NOT_FOUND }]);
});

test("RFC 9370: what the peer does not finish in 20 seconds is forgotten, secrets wiped", () => {
  for (const what of ["ike", "child"] as const) {
    const ends = stoppedFollowup(what);
    const { unfinished } = established(ends.b);
    expect(unfinished?.left.length).toBe(what === "ike" ? 2 : 1);
    expect(unfinished?.secrets.map((secret) => secret.some((octet) => octet !== 0))).toEqual([
      true,
    ]);
    ends.advance(20_000);
    expect(established(ends.b).unfinished).toBeUndefined();
    expect(unfinished?.secrets.map((secret) => secret.some((octet) => octet !== 0))).toEqual([
      false,
    ]);
    expect(established(ends.b).children.length).toBe(1);
  }
});

test("RFC 9370: a rekey that crosses our additional key exchanges gets TEMPORARY_FAILURE", () => {
  for (const what of ["ike", "child"] as const) {
    let isLate = true;
    const late: Uint8Array[] = [];
    const ends = connectedEnds({
      ...withSuites([IKE]),
      onWay: ({ from, octets }) => {
        if (!isLate) return octets;
        const isRequest = ((octets[19] ?? 0) & 0x20) === 0;
        const isHeld = from === "b" && octets[18] === CREATE_CHILD_SA && isRequest;
        if (isHeld) late.push(octets);
        return isHeld || octets[18] === IKE_FOLLOWUP_KE ? undefined : octets;
      },
    });
    ask(ends, "b", what);
    ask(ends, "a", what);
    isLate = false;
    takeSeen(ends.a);
    const [request = new Uint8Array(0)] = late;
    expect([what, established(ends.a).asking?.kind]).toEqual([what, "followup-response"]);
    ends.deliver(ends.a, request);
    const [answer] = takeSeen(ends.a).filter(({ way }) => way === "sent");
    expect([what, answer?.payloads]).toMatchObject([
      what,
      [{ type: NotifyType.TEMPORARY_FAILURE }],
    ]);
    ends.advance(60_000);
    for (const end of [ends.a, ends.b]) expect(established(end).children.length).toBe(1);
  }
});

test("RFC 9370: an answer without ADDITIONAL_KEY_EXCHANGE is wrong if more was agreed on", () => {
  for (const what of ["ike", "child"] as const) {
    const ends: Ends = connectedEnds(
      withSuites([IKE], {
        onWay: ({ from, octets }) => {
          if (from !== "b" || octets[18] !== CREATE_CHILD_SA) return octets;
          const sent = takeSeen(ends.b).findLast(({ way }) => way === "sent");
          const left = sent?.payloads.filter(({ kind }) => kind !== "NOTIFY") ?? [];
          const head = {
            exchangeType: CREATE_CHILD_SA,
            response: true,
            messageId: octets[23] ?? 0,
          };
          const whole = { ...established(ends.b), fragmentOctets: undefined };
          return sealMessage(whole, head, left, SOURCES)[0];
        },
      }),
    );
    ask(ends, "a", what);
    const exchanges = ends.wire.map(({ octets }) => octets[18]);
    expect([what, exchanges.includes(IKE_FOLLOWUP_KE)]).toEqual([what, false]);
    const notes = ends.a.effects.flatMap((one) => (one.kind === "note" ? [one.note] : []));
    expect(notes.map(({ reason }) => reason)).toContain("malformed");
    for (const end of [ends.a, ends.b]) expect(established(end).children.length).toBe(1);
  }
});

const SOURCES = { random: (count: number) => new Uint8Array(count).fill(9), onMessage: undefined };

function withSuites(ikeSuites: readonly Suite[], more: EndsSettings = {}): EndsSettings {
  return {
    ...more,
    credentials: (_, given) => ({
      ...given,
      policy: { ...given.policy, ikeSuites, suites: [ESP] },
    }),
  };
}

/** End a's first IKE_INTERMEDIATE is lost. */
function beforeIntermediate(): Ends {
  const onWay: EndsSettings["onWay"] = ({ octets }) =>
    octets[18] === IKE_INTERMEDIATE ? undefined : octets;
  const ends = layEnds({ ...withSuites([IKE]), onWay });
  ends.run();
  takeSeen(ends.b);
  return ends;
}

/** A request with the ID 1 in the name of end a, before both are authenticated. */
function sayEarly(ends: Ends, exchangeType: number, payloads: readonly Payload[]): void {
  const [sa] = [...ends.a.sas.values()];
  if (sa?.phase !== "initiating") throw new Error("end a is not calling");
  const head = { exchangeType, response: false, messageId: 1 };
  const whole = { ...sa.half, fragmentOctets: undefined };
  for (const octets of sealMessage(whole, head, payloads, SOURCES)) ends.deliver(ends.b, octets);
}

function ask(ends: Ends, name: "a" | "b", what: "ike" | "child"): void {
  const end = ends[name];
  const [child] = established(end).children;
  ends.feed(
    end,
    what === "ike" ? { kind: "rekey-ike" } : { kind: "rekey-child", spiIn: child?.spiIn ?? 0 },
  );
  ends.run();
}

/** End a rekeys, and never sends IKE_FOLLOWUP_KE. */
function stoppedFollowup(what: "ike" | "child"): Ends {
  const onWay: EndsSettings["onWay"] = ({ octets }) =>
    octets[18] === IKE_FOLLOWUP_KE ? undefined : octets;
  const ends = connectedEnds({ ...withSuites([IKE]), onWay });
  ask(ends, "a", what);
  takeSeen(ends.b);
  return ends;
}

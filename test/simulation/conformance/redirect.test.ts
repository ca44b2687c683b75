/** Redirected to another gateway in IKE_AUTH, as the end that calls (RFC 5685 §6). */

import { expect, test } from "bun:test";
import { notify } from "../../../src/ike/v2/notify.ts";
import { sealMessage } from "../../../src/ike/v2/protect.ts";
import { parseAddress } from "../../../src/inet/address.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { emitRedirect } from "../../../src/wire/v2/redirect.ts";
import { type Ends, established, layEnds, type OnWire } from "../ends.ts";

const GATEWAY = { host: "192.0.2.3", address: parseAddress("192.0.2.3") };

test("X-04: REDIRECT in IKE_AUTH of an authenticated peer is followed; the IKE SA ends", () => {
  const { ends, deleted } = answered(true, (known) => [...known, redirect()]);
  expect(ends.a.effects).toContainEqual({
    kind: "ended",
    reason: { kind: "redirected", to: GATEWAY },
  });
  expect(ends.a.installed).toEqual([]);
  expect(deleted()).toBe(1);
});

test("X-04: REDIRECT in IKE_AUTH of an unauthenticated peer only ends the call", () => {
  const { ends } = answered(true, (known) => {
    const forged = known.map(
      (payload): Payload =>
        payload.kind === "AUTH" ? { ...payload, data: payload.data.toReversed() } : payload,
    );
    return [...forged, redirect()];
  });
  const reasons = ends.a.effects.flatMap((effect) =>
    effect.kind === "ended" ? [effect.reason.kind] : [],
  );
  expect(reasons).toEqual(["refused"]);
});

test("X-04: REDIRECT in IKE_AUTH is not followed: no Child SA, so the IKE SA is deleted", () => {
  const { ends, deleted } = answered(false, (known) => [...known, redirect()]);
  const reasons = ends.a.effects.flatMap((effect) =>
    effect.kind === "ended" ? [effect.reason] : [],
  );
  expect(reasons).toEqual([{ kind: "we-deleted", why: "no-child-sa" }]);
  expect(deleted()).toBe(1);
});

/** Replaces the answer of end b to IKE_AUTH by one made from its IDr and AUTH. */
function answered(
  followRedirect: boolean,
  change: (known: readonly Payload[]) => readonly Payload[],
): { readonly ends: Ends; deleted(): number } {
  const onWay = ({ from, octets }: OnWire): Uint8Array => {
    const header = parseHeader(octets);
    if (from !== "b" || !header.ok || header.value.exchangeType !== ExchangeType.IKE_AUTH) {
      return octets;
    }
    const { messageId } = header.value;
    const said = ends.b.seen.findLast(({ way }) => way === "sent")?.payloads ?? [];
    const known = said.filter(({ kind }) => kind === "IDr" || kind === "AUTH");
    const head = { exchangeType: ExchangeType.IKE_AUTH, response: true, messageId };
    const { random } = ends.b.context;
    const sealed = sealMessage(established(ends.b), head, change(known), {
      ...{ random, onMessage: undefined },
    });
    return sealed[0] ?? octets;
  };
  const ends: Ends = layEnds({
    onWay,
    credentials: (_, credentials) => ({
      ...credentials,
      settings: { ...credentials.settings, followRedirect },
    }),
  });
  ends.run();
  const isDelete = ({ octets, from }: OnWire) => {
    const header = parseHeader(octets);
    return from === "a" && header.ok && header.value.exchangeType === ExchangeType.INFORMATIONAL;
  };
  return { ends, deleted: () => ends.wire.filter(isDelete).length };
}

function redirect(): Payload {
  const data = emitRedirect({ gateway: GATEWAY, nonce: new Uint8Array(0) });
  return notify(NotifyType.REDIRECT, data);
}

/** An IKE SA that a rekey has replaced: what it still answers, and how it ends (RFC 7296 §2.8). */

import { expect, test } from "bun:test";
import { REPLACED_MS } from "../../src/ike/limits.ts";
import { localSpi } from "../../src/ike/sa-id.ts";
import type { IkeSa } from "../../src/ike/v2/every-phase.ts";
import { factsOf, stageOf } from "../../src/ike/v2/facts.ts";
import { sealMessage } from "../../src/ike/v2/protect.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { type Payload, Protocol } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { connectedEnds, type Ends, established, takeSeen } from "./ends.ts";

type Rekeyed = {
  readonly ends: Ends;
  readonly spi: bigint;
  /** The old IKE SA of end b. */
  readonly old: () => IkeSa | undefined;
  /** End a sends a request in the old IKE SA. */
  readonly ask: (exchangeType: number, payloads: readonly Payload[]) => void;
};

/** End a has rekeyed, and its Delete of the old IKE SA never arrives. */
function rekeyed(): Rekeyed {
  const isLost = () => ends !== undefined && ends.b.sas.size > 1;
  let ends: Ends | undefined;
  const both = connectedEnds({
    onWay: ({ from, octets }) => (from === "a" && isLost() ? undefined : octets),
  });
  ends = both;
  const { a, b } = both;
  const before = established(a);
  const spi = localSpi(established(b).id);
  both.feed(a, { kind: "rekey-ike" });
  both.run();
  takeSeen(b);
  const ask: Rekeyed["ask"] = (exchangeType, payloads) => {
    const head = { exchangeType, response: false, messageId: before.outbound.nextId + 1 };
    const sealing = { random: a.context.random, onMessage: undefined };
    for (const octets of sealMessage(before, head, payloads, sealing)) both.deliver(b, octets);
  };
  return { ends: both, spi, old: () => b.sas.get(spi), ask };
}

function stageIn({ old }: Rekeyed) {
  const sa = old();
  return sa === undefined ? undefined : stageOf(sa);
}

test("it has handed over its Child SAs, and takes none back", () => {
  const done = rekeyed();
  expect(stageIn(done)).toBe("replaced");
  const sa = done.old();
  const facts = sa === undefined ? undefined : factsOf(sa);
  expect(facts).toMatchObject({ children: [], isReplaced: true, canTakeChildSas: false });
  expect(established(done.ends.b).children).toHaveLength(1);
});

test("it makes no new SA: CREATE_CHILD_SA gets TEMPORARY_FAILURE (§2.25)", () => {
  const done = rekeyed();
  done.ask(ExchangeType.CREATE_CHILD_SA, []);
  const sent = takeSeen(done.ends.b).filter(({ way }) => way === "sent");
  expect(sent.flatMap(({ payloads }) => payloads)).toMatchObject([
    { kind: "NOTIFY", type: NotifyType.TEMPORARY_FAILURE },
  ]);
  expect(stageIn(done)).toBe("replaced");
});

test("a liveness check is answered: the end that asks has not noticed the rekey", () => {
  const done = rekeyed();
  done.ask(ExchangeType.INFORMATIONAL, []);
  const sent = takeSeen(done.ends.b).filter(({ way }) => way === "sent");
  expect(sent.map(({ payloads }) => payloads)).toEqual([[]]);
  expect(stageIn(done)).toBe("replaced");
});

test("its Delete is the expected end, and removes no Child SA", () => {
  const done = rekeyed();
  done.ends.b.effects.length = 0;
  done.ask(ExchangeType.INFORMATIONAL, [{ kind: "DELETE", protocol: Protocol.IKE, spis: [] }]);
  expect(stageIn(done)).toBe("over");
  expect(done.ends.b.effects).toEqual([{ kind: "ended", reason: { kind: "replaced-by-rekey" } }]);
});

test("it starts nothing by itself: no rekey, no Child SA, no liveness check", () => {
  const done = rekeyed();
  const { ends, spi } = done;
  const { local, remote } = established(ends.b).policy;
  ends.feed(ends.b, { kind: "rekey-ike" }, spi);
  ends.feed(ends.b, { kind: "new-child", local, remote }, spi);
  ends.feed(ends.b, { kind: "check-liveness" }, spi);
  expect(takeSeen(ends.b)).toEqual([]);
});

test("if the peer never deletes it, we do after a while", () => {
  const done = rekeyed();
  const { ends } = done;
  ends.advance(REPLACED_MS - 1);
  expect(stageIn(done)).toBe("replaced");
  ends.advance(1);
  expect(stageIn(done)).not.toBe("replaced");
  const ended = ends.b.effects.find(({ kind }) => kind === "ended");
  expect(ended).toEqual({ kind: "ended", reason: { kind: "we-deleted", why: "rekeyed" } });
});

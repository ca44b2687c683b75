/** Child SAs that are gone at our end: the site is told, although nobody answers a Delete. */

import { expect, test } from "bun:test";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { Reader } from "../../src/octets/reader.ts";
import { asIkeSpi, parseHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import { DOI_IPSEC, Protocol } from "../../src/wire/v1/message.ts";
import type { Caller } from "./ikev1-caller.ts";
import { calledAndUp, calledWithChild, connect, effectsOf } from "./ikev1-end.ts";
import { selectorOf } from "./plan.ts";

type Both = ReturnType<typeof calledAndUp>;

/** Without liveness checks, and longer than all that is waited for. */
const QUIET = { vendors: [], lifetimeSeconds: 14_400 } as const;
const HEIR = { kind: "stand-down", to: asIkeSpi(7n) } as const;

/** SPIs of Child SAs in the Deletes among these datagrams. */
function deletedIn(caller: Caller, datagrams: readonly { readonly octets: Uint8Array }[]) {
  const spis: number[] = [];
  for (const { octets } of datagrams) {
    const header = parseHeader(octets);
    if (!header.ok || header.value.exchangeType !== ExchangeType.INFORMATIONAL) continue;
    for (const payload of caller.open(octets).payloads) {
      if (payload.kind !== "DELETE" || payload.protocol !== Protocol.ESP) continue;
      for (const spi of payload.spis) spis.push(new Reader(spi, "SPI").u32());
    }
  }
  return spis;
}

/** Which Child SAs the site is told of, and how many seconds from now. */
function farewells({ caller, end }: Both, seconds: number): readonly [number, number][] {
  const found: [number, number][] = [];
  for (let second = 0; second <= seconds; second++) {
    for (const spi of deletedIn(caller, end.sent.splice(0))) found.push([second, spi]);
    end.advance(1_000);
  }
  return found;
}

const lastOf = ({ end }: Both): number => end.facts().children.at(-1)?.spiIn ?? 0;

test("the kernel has removed a Child SA: a Delete that is lost is sent again, twice", () => {
  const both = calledWithChild(QUIET);
  const spi = lastOf(both);
  both.end.feed({ kind: "close-child", spiIn: spi });
  expect(farewells(both, 100)).toEqual([
    [0, spi],
    [2, spi],
    [12, spi],
  ]);
});

test("a Child SA that has been replaced: the peer may have missed that, too", () => {
  const both = calledWithChild(QUIET);
  const spi = lastOf(both);
  both.end.feed({ kind: "rekey-child", spiIn: spi });
  both.end.hear(both.caller.grant(both.end.said()).answer);
  expect(farewells(both, 100)).toEqual([
    [10, spi],
    [12, spi],
    [22, spi],
  ]);
});

test("the third message of a Quick Mode never comes: the site may have the Child SA", () => {
  const both = calledAndUp(QUIET);
  both.end.hear(both.caller.quick().octets);
  const spi = lastOf(both);
  const told = farewells(both, 300);
  expect(told.map(([, one]) => one)).toEqual([spi, spi, spi]);
  expect(both.end.facts().children).toEqual([]);
});

test("the same for a rekey of the site: the Child SA before it stays", () => {
  const both = calledWithChild(QUIET);
  const former = lastOf(both);
  both.end.hear(both.caller.quick().octets);
  const spi = lastOf(both);
  expect(farewells(both, 300).map(([, one]) => one)).toEqual([spi, spi, spi]);
  expect(both.end.facts().children.map(({ spiIn }) => Number(spiIn))).toEqual([former]);
});

test("a replaced ISAKMP SA ends: what nobody has completed is said in it, and in another", () => {
  const both = calledWithChild(QUIET);
  both.end.hear(both.caller.quick().octets);
  const spi = lastOf(both);
  both.end.feed(HEIR);
  const told = farewells(both, 60);
  expect(told.map(([, one]) => one)).toEqual([spi]);
  expect(effectsOf(both.end, "unsaid").flatMap(({ spis }) => spis.map(Number))).toEqual([spi]);
});

test("the site deletes its ISAKMP SA: what is to be said again is said in another", () => {
  const both = calledWithChild(QUIET);
  const { caller, end } = both;
  const spi = lastOf(both);
  end.feed({ kind: "close-child", spiIn: spi });
  const own = { kind: "DELETE", doi: DOI_IPSEC, protocol: Protocol.ISAKMP } as const;
  end.hear(caller.inform([{ ...own, spis: [caller.cookies()] }]));
  expect(effectsOf(end, "unsaid").flatMap(({ spis }) => spis.map(Number))).toEqual([spi]);
});

test("what was not said in another ISAKMP SA is said here", () => {
  const both = calledAndUp(QUIET);
  const spi = 0xabcd_0123;
  both.end.feed({ kind: "say-gone", spis: [asEspSpi(spi)] });
  expect(farewells(both, 100).map(([, one]) => one)).toEqual([spi, spi, spi]);
});

/** The third message of a Quick Mode of ours is lost, and the site asks for it for so long. */
function thirdAfter({ caller, end }: Both, seconds: number): number {
  const granted = caller.grant(end.said());
  end.hear(granted.answer);
  end.advance(seconds * 1_000);
  end.sent.splice(0);
  end.hear(granted.answer);
  return end.sent.filter(({ octets }) => granted.isRight(octets)).length;
}

test.each([15, 42, 89, 165])("a third message is sent again %p seconds later", (seconds) => {
  const both = calledWithChild(QUIET);
  both.end.feed({ kind: "rekey-child", spiIn: lastOf(both) });
  expect(thirdAfter(both, seconds)).toBe(1);
});

test("the same for a Child SA that traffic needs", () => {
  const both = calledAndUp(QUIET);
  const [local, remote] = [selectorOf("10.0.0.0/16"), selectorOf("192.168.0.0/24")];
  both.end.feed({ kind: "new-child", local: [local], remote: [remote] });
  expect(thirdAfter(both, 42)).toBe(1);
});

test("it is forgotten after three minutes", () => {
  const both = calledWithChild(QUIET);
  both.end.feed({ kind: "rekey-child", spiIn: lastOf(both) });
  expect(thirdAfter(both, 181)).toBe(0);
});

test("other Quick Modes go on while one has been given up", () => {
  const both = calledAndUp(QUIET);
  both.end.hear(both.caller.quick().octets);
  farewells(both, 300);
  connect(both);
  expect(both.end.facts().children).toHaveLength(1);
});

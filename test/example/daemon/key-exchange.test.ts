/** Slow key exchanges in their thread: which wait for which, and what remains of their secrets. */

import { expect, test } from "bun:test";
import type { Precedence } from "../../../src/concentrator/precedence.ts";
import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
  performKeyExchange,
  privateOctets,
} from "../../../src/crypto/key-exchange.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { openKeyExchanger } from "../../../src/daemon/key-exchange.ts";
import { WAITING_MAX } from "../../../src/daemon/work-queue.ts";

/** More than a thread is sent at once, and one takes milliseconds. */
const FLOOD = 60;

test("a rekey of a connected site does not wait behind a flood of strangers", async () => {
  const exchanger = openKeyExchanger();
  const done: string[] = [];
  const asked = (name: string, rank: Precedence["rank"]) =>
    new Promise<void>((resolve) => {
      const onResult = (result: KeyExchangeResult) => {
        expect(result.ok).toBe(true);
        done.push(name);
        resolve();
      };
      exchanger.perform(offer(), { rank, prefix: name }, onResult);
    });
  const flood = Array.from({ length: FLOOD }, () => asked("flood", "stranger"));
  const others = [asked("other stranger", "stranger"), asked("known", "known")];
  await Promise.all([...flood, ...others, asked("up", "established")]);
  exchanger.close();
  // The thread was sent three before; then rank counts, and among strangers the prefix.
  expect(done.slice(0, 7)).toEqual([
    ...["flood", "flood", "flood"],
    ...["up", "known", "flood", "other stranger"],
  ]);
});

test("a flood from one prefix is refused, and a newcomer replaces its last item", () => {
  const exchanger = openKeyExchanger();
  const late: KeyExchangeResult[] = [];
  const ask = (rank: Precedence["rank"], prefix: string) =>
    exchanger.perform(offer(), { rank, prefix }, (result) => late.push(result));
  const floods = Array.from({ length: WAITING_MAX.stranger + 10 }, () => ask("stranger", "a"));
  const refused = floods.flatMap((result) => (result?.ok === false ? [result.error.kind] : []));
  expect(new Set(refused)).toEqual(new Set(["overloaded"]));
  expect(refused.length).toBeGreaterThan(0);
  expect(ask("stranger", "b")).toBeUndefined();
  expect(late.map((result) => result.ok)).toEqual([false]);
  expect(ask("established", "a")).toBeUndefined();
  exchanger.close();
});

test("a waiting request has private octets of its own: the caller wipes its copy", async () => {
  const exchanger = openKeyExchanger();
  const requests = Array.from({ length: 12 }, offer);
  const expected = requests.map(performKeyExchange);
  const answers = await Promise.all(
    requests.map((op) => {
      const answer = new Promise<KeyExchangeResult>((resolve) => {
        exchanger.perform(op, { rank: "stranger", prefix: "a" }, resolve);
      });
      op.random.fill(0);
      return answer;
    }),
  );
  exchanger.close();
  expect(answers).toEqual(expected);
});

let drawn = 0;

function offer(): KeyExchangeRequest {
  drawn++;
  const random = new Uint8Array(privateOctets(Ke.ECP_384)).fill(1 + (drawn % 200));
  return { op: "offer", method: Ke.ECP_384, random };
}

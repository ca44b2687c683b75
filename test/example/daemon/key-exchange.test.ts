/** Slow key exchanges in their thread: who waits for whom, and what is left of their secrets. */

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

test("a rekey of a site that is up does not wait behind a flood of strangers", async () => {
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
  // The thread has been sent three before; then rank counts, and of strangers the prefix.
  expect(done.slice(0, 7)).toEqual([
    ...["flood", "flood", "flood"],
    ...["up", "known", "flood", "other stranger"],
  ]);
});

test("a flood from one prefix is refused, and a newcomer takes the place of its last", () => {
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

test("what waits has private octets of its own: the caller wipes those that it gave", async () => {
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

/** Slow key exchanges in their thread: who waits for whom, and what is left of their secrets. */

import { expect, test } from "bun:test";
import type { Precedence } from "../../../src/concentrator/precedence.ts";
import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
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

test("private octets stay until the thread has them, and go then or when refused", async () => {
  const exchanger = openKeyExchanger();
  const requests = Array.from({ length: WAITING_MAX.stranger + 10 }, offer);
  const from = { rank: "stranger", prefix: "a" } as const;
  const answers = requests.map(
    (op, at) =>
      new Promise<KeyExchangeResult>((resolve) => {
        if (at > 5) resolve(exchanger.perform(op, from, resolve) ?? WAITS);
        else exchanger.perform(op, from, resolve);
      }),
  );
  const isWiped = ({ random }: KeyExchangeRequest) => random.every((octet) => octet === 0);
  expect(requests.map(isWiped).filter(Boolean).length).toBeLessThan(20);
  expect(requests.slice(-1).map(isWiped)).toEqual([true]);
  const [first, second] = await Promise.all(answers.slice(3, 5));
  exchanger.close();
  expect(requests.every(isWiped)).toBe(true);
  // Each has used its own private value, not a wiped one.
  expect(first?.ok === true && second?.ok === true).toBe(true);
  expect(first).not.toEqual(second);
});

const WAITS: KeyExchangeResult = { ok: false, error: { kind: "internal", detail: "waits" } };

let drawn = 0;

function offer(): KeyExchangeRequest {
  drawn++;
  const random = new Uint8Array(privateOctets(Ke.ECP_384)).fill(1 + (drawn % 200));
  return { op: "offer", method: Ke.ECP_384, random };
}

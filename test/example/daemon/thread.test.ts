/** A thread that no longer answers: its waiters get a failure, and another thread goes on. */

import { expect, test } from "bun:test";
import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
  privateOctets,
} from "../../../src/crypto/key-exchange.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { createThread } from "../../../src/daemon/thread.ts";

const UP = { rank: "established", prefix: "a" } as const;

test("a job whose answer never comes costs those that wait, and not the next request", async () => {
  const thread = createThread<unknown, { readonly ok: boolean }>({
    // A thread takes longer than that to begin.
    ...{ file: "key-exchange-worker.ts", hungMs: 1 },
    fault: (kind, detail) => ({ ok: false, kind, detail }),
    release: () => {},
  });
  for (let round = 0; round < 2; round++) {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => {
        const { promise, resolve } = Promise.withResolvers<unknown>();
        thread.perform({}, UP, resolve);
        return promise;
      }),
    );
    const fault = { ok: false, kind: "internal", detail: "no answer within 1 ms" };
    expect(answers).toEqual(Array.from({ length: 5 }, () => fault));
  }
  thread.close();
});

test("a request that has waited too long is given up, and not carried out", async () => {
  const released: KeyExchangeRequest[] = [];
  const thread = createThread<KeyExchangeRequest, KeyExchangeResult>({
    ...{ file: "key-exchange-worker.ts", waitMs: 20, hungMs: 170_000 },
    fault: (kind, detail) => ({ ok: false, error: { kind, detail } }),
    release: (request) => released.push(request),
  });
  const offer = (method: number) => {
    const { promise, resolve } = Promise.withResolvers<KeyExchangeResult>();
    const random = new Uint8Array(privateOctets(method)).fill(7);
    thread.perform({ op: "offer", method, random }, UP, resolve);
    return promise;
  };
  // On a busy machine a thread takes longer than 20 ms to begin.
  expect(await offer(Ke.MODP_1536)).toMatchObject({ ok: true });
  released.splice(0);
  // Preparing the group takes far longer than 20 ms; three are at the thread from the beginning.
  const answers = await Promise.all(Array.from({ length: 5 }, () => offer(Ke.MODP_2048)));
  thread.close();
  const kinds = answers.map((answer) => (answer.ok ? "made" : answer.error.kind));
  expect(kinds).toEqual(["made", "made", "made", "overloaded", "overloaded"]);
  expect(released.length).toBe(5);
});

test("a thread that is renewed answers what it has, and another one the rest", async () => {
  const thread = createThread<unknown, { readonly thread: string }>({
    file: "../../test/example/daemon/named-thread.ts",
    fault: (kind) => ({ thread: kind }),
    release: () => {},
  });
  const ask = () => {
    const { promise, resolve } = Promise.withResolvers<{ readonly thread: string }>();
    thread.perform({}, UP, resolve);
    return promise;
  };
  const before = Array.from({ length: 5 }, ask);
  thread.renew();
  const after = Array.from({ length: 2 }, ask);
  const names = await Promise.all([...before, ...after]);
  // Three were with the first one already.
  const [first, second] = [names[0]?.thread, names[3]?.thread];
  expect(names.map(({ thread: name }) => name)).toEqual([
    ...[first, first, first].map((name) => name ?? ""),
    ...[second, second, second, second].map((name) => name ?? ""),
  ]);
  expect(first).not.toBe(second);
  thread.renew();
  expect((await ask()).thread).not.toBe(second);
  thread.close();
});

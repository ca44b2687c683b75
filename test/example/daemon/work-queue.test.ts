/** Work that waits for a thread: what is served first, what shares, and what finds no place. */

import { expect, test } from "bun:test";
import type { Precedence, Rank } from "../../../src/concentrator/precedence.ts";
import { createWorkQueue } from "../../../src/daemon/work-queue.ts";

const from = (rank: Rank, prefix: string): Precedence => ({ rank, prefix });

test("established IKE SAs come before known sites, and those before strangers", () => {
  const queue = createWorkQueue<string>();
  queue.add("stranger", from("stranger", "a"));
  queue.add("known", from("known", "a"));
  queue.add("established", from("established", "a"));
  expect(drained(queue)).toEqual(["established", "known", "stranger"]);
});

test("within a rank each prefix has its turn, in order of arrival", () => {
  const queue = createWorkQueue<string>();
  for (const item of ["a1", "a2", "a3"]) queue.add(item, from("stranger", "a"));
  for (const item of ["b1", "b2"]) queue.add(item, from("stranger", "b"));
  queue.add("c1", from("stranger", "c"));
  expect(drained(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("a full queue replaces an item of the prefix with the most items", () => {
  const queue = createWorkQueue<string>({ established: 1, known: 1, stranger: 4 });
  for (const item of ["a1", "a2", "a3", "a4"]) queue.add(item, from("stranger", "a"));
  expect(queue.add("a5", from("stranger", "a"))).toBe("a5");
  expect(queue.add("b1", from("stranger", "b"))).toBe("a4");
  expect(queue.add("b2", from("stranger", "b"))).toBe("a3");
  expect(queue.add("b3", from("stranger", "b"))).toBe("b3");
  // Each rank has places of its own.
  expect(queue.add("up", from("established", "a"))).toBeUndefined();
  expect(drained(queue)).toEqual(["up", "a1", "b1", "a2", "b2"]);
});

test("taking everything out returns all that waits, and leaves nothing", () => {
  const queue = createWorkQueue<string>();
  queue.add("a", from("stranger", "a"));
  queue.add("b", from("established", "b"));
  expect([...queue.clear()].sort()).toEqual(["a", "b"]);
  expect(queue.take()).toBeUndefined();
});

function drained(queue: ReturnType<typeof createWorkQueue<string>>): readonly string[] {
  const items: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) items.push(item);
  return items;
}

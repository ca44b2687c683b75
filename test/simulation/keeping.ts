/**
 * What a concentrator has kept at any moment, in the place of the state file: the next process goes
 * on from it, whenever the one before ends.
 */

import type { Concentrator } from "../../src/concentrator/concentrator.ts";
import type { Effect } from "../../src/concentrator/effect.ts";
import type { Engine } from "../../src/concentrator/engine.ts";
import { labelled } from "../../src/concentrator/handover/label.ts";
import type { PlainIkeSa } from "../../src/concentrator/handover/plain-ike-sa.ts";
import { readContent } from "../../src/ike/state/document.ts";
import type { Place } from "../../src/ike/state/written-ike-sa.ts";
import { inEpoch } from "../../src/ike/state/written-ike-sa.ts";
import { assert } from "../../src/octets/assert.ts";
import { ok } from "../../src/octets/result.ts";
import { Vocabulary } from "../../src/octets/vocabulary.ts";
import type { IkeSpi } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { isAsWanted } from "../../src/xfrm/claims.ts";
import { isOurPolicy } from "../../src/xfrm/priority.ts";
import { formatPolicyId, stateName } from "../../src/xfrm/request.ts";
import type { KernelModel } from "./kernel.ts";

export type Keeping = {
  /** Documents by name, in the order in which they were first kept. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
  /** After each event, before its messages leave. */
  save(place: Place): void;
  /** Complains unless what is kept is what all of it would be if it were written now. */
  check(place: Place): void;
  /** Fills an empty concentrator; returns what it wants done first. */
  takeOver(next: Concentrator, place: Place): readonly Effect[];
  /** The same, of which messages of sites may come in the midst. */
  begin(next: Concentrator, place: Place): Reading;
};

/** A take-over under way. */
export type Reading = {
  /** Reads what the message needs; undefined: it has to wait. */
  prepare(message: Uint8Array): readonly Effect[] | undefined;
  /** Reads the rest. */
  finish(): readonly Effect[];
};

/** Of the process with this engine. */
export function keepingOf(
  engine: Engine,
  concentrator: Concentrator,
  kept = new Map<string, Uint8Array>(),
): Keeping {
  const save = (place: Place): void => {
    for (const { name, content } of concentrator.changes(place) ?? []) {
      if (content === undefined) kept.delete(name);
      else kept.set(name, content);
    }
  };
  return {
    kept,
    save,
    check(place) {
      save(place);
      markAll(engine);
      const all = new Map<string, Uint8Array>();
      for (const { name, content } of concentrator.changes(place) ?? []) {
        if (content !== undefined) all.set(name, content);
      }
      const names = [...kept.keys()].sort();
      assert(
        Bun.deepEquals(names, [...all.keys()].sort()),
        `kept: ${names}; is: ${[...all.keys()]}`,
      );
      const different = [...all].filter(([name, is]) => !isEqual(is, kept.get(name)));
      if (different.length === 0) return;
      const vocabulary = wordsIn(kept.get("head"), place);
      for (const [name, content] of different) {
        const [is, was] = [content, kept.get(name)].map((one) => valueIn(one, place, vocabulary));
        if (Bun.deepEquals(is, was)) continue;
        assert(false, `${name} has changed and was not kept:\n${diff(is, was)}`);
      }
    },
    takeOver(next, place) {
      const reading = begin(next, place, kept);
      // Sites whose messages come meanwhile are read before others.
      const effects = earlyOnes(engine).flatMap((spi) => reading.prepare(messageFor(spi)) ?? []);
      return [...effects, ...reading.finish()];
    },
    begin: (next, place) => begin(next, place, kept),
  };
}

function begin(next: Concentrator, place: Place, kept: ReadonlyMap<string, Uint8Array>): Reading {
  const successor = next.takeOver(place);
  const documents = [...kept];
  const unread = new Set(documents.keys());
  const readOne = (at: number): void => {
    const [name, content] = documents[at] ?? [];
    if (content === undefined || !unread.delete(at)) return;
    const read = successor.readKept(content, at);
    assert(read.ok, read.ok ? "" : `what was kept cannot be read: ${read.error.detail}`);
    assert(read.value === name, `${name} is read as ${read.value}`);
  };
  for (const [at, [, content]] of documents.entries()) successor.expect(at, content);
  readOne(0);
  return {
    prepare(message) {
      for (const at of successor.wanted(message) ?? []) readOne(at);
      return successor.wanted(message) === undefined ? undefined : successor.settle();
    },
    finish() {
      for (const at of [...unread]) readOne(at);
      return successor.finish();
    },
  };
}

/** Some, in another order than that of their documents. */
function earlyOnes({ negotiation }: Engine): readonly IkeSpi[] {
  return [...negotiation.sas.keys()].filter((_, at) => at % 3 === 2).reverse();
}

/** A message from a peer that was called by us. */
export function messageFor(spi: IkeSpi): Uint8Array {
  const message = new Uint8Array(28);
  const view = new DataView(message.buffer);
  view.setBigUint64(0, spi);
  view.setBigUint64(8, 1n);
  view.setUint8(17, 0x20);
  view.setUint8(18, ExchangeType.INFORMATIONAL);
  view.setUint32(24, message.length);
  return message;
}

/** As at a start: what nobody claims is removed. */
export function removeLeftovers(kernel: KernelModel, concentrator: Concentrator): void {
  const claims = concentrator.claims();
  const { states, policies } = kernel.tables;
  for (const [key, policy] of policies) {
    if (!isOurPolicy(policy)) continue;
    const wanted = claims.policy(formatPolicyId(policy.id));
    if (wanted === undefined) policies.delete(key);
    else if (!isAsWanted(policy, wanted)) policies.set(key, wanted);
  }
  for (const [key, { state }] of states) if (!claims.state(state.id)) states.delete(key);
}

/** What the kernel has, as the next process reads it. */
export function tablesOf({ states, policies, worn }: KernelModel) {
  return {
    kind: "kernel-tables" as const,
    states: new Set([...states.values()].map(({ state }) => stateName(state.id))),
    policies: new Set([...policies.values()].map(({ id }) => formatPolicyId(id))),
    worn,
  };
}

function markAll(engine: Engine): void {
  const { changes, negotiation, sites, dataplane } = engine;
  if (changes === undefined) return;
  changes.isHeadChanged = true;
  for (const spi of negotiation.sas.keys()) changes.ikeSas.add(spi);
  for (const key of sites.eroutes.keys()) changes.sites.add(key);
  for (const spi of dataplane.draining.spis) changes.draining.add(spi);
}

/** The same octets hold the same values. */
function isEqual(is: Uint8Array, was: Uint8Array | undefined): boolean {
  return was !== undefined && Buffer.compare(is, was) === 0;
}

/** What the other documents have only numbers of. */
function wordsIn(head: Uint8Array | undefined, { anchor }: Place): Vocabulary {
  const vocabulary = new Vocabulary();
  const read = head === undefined ? undefined : readContent(labelled, head, anchor);
  const value = read?.ok === true ? read.value.value.part : undefined;
  if (value?.kind === "head") vocabulary.load(value.head.words);
  return vocabulary;
}

function valueIn(
  content: Uint8Array | undefined,
  { anchor, generation }: Place,
  vocabulary: Vocabulary,
): unknown {
  assert(content !== undefined, "it is kept");
  const read = readContent(labelled, content, anchor, { vocabulary });
  assert(read.ok, "what is kept can be read");
  const { part: value } = read.value.value;
  const { generation: writer } = read.value;
  // Requests that were made since do not matter: the next process counts far ahead.
  if (value.kind === "head") return { ...value.head, lastRequest: 0 };
  // What an earlier process has kept has the epoch that its keys had there.
  const inThisEpoch = ({ entry, site }: PlainIkeSa) => {
    const { sa, ...rest } = entry;
    return { ...rest, site, sa: inEpoch(sa, (epoch) => ok(epoch + generation - writer)) };
  };
  if (value.kind === "ike-sas") return value.entries.map(inThisEpoch);
  if (value.kind !== "site") return value;
  return { ...value.site, entries: value.site.entries.map(inThisEpoch) };
}

function diff(is: unknown, was: unknown): string {
  const words = (value: unknown) =>
    JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}n` : one), 1).split("\n");
  const [now, before] = [words(is), words(was)];
  const changed = now.flatMap((line, at) =>
    line === before[at] ? [] : [`${before[at]} -> ${line}`],
  );
  return changed.slice(0, 10).join("\n");
}

/** Performs the concentrator's effects: each answer becomes an event. */

import { wipeRequest } from "../concentrator/dataplane/request.ts";
import type { Effect } from "../concentrator/effect.ts";
import type { Event, LookupResult, ResolveResult } from "../concentrator/event.ts";
import { failedAnswer, isQuestion } from "../concentrator/failed-answer.ts";
import type { JournalEntry } from "../concentrator/journal/journal.ts";
import type { KeyExchangeResult } from "../crypto/key-exchange.ts";
import type { SignatureResult } from "../crypto/signature.ts";
import type { LookupKey } from "../eroute/row.ts";
import type { Path } from "../inet/endpoint.ts";
import { NAT_KEEPALIVE } from "../linux/udp-socket.ts";
import { never } from "../octets/assert.ts";
import type { Instant } from "../octets/instant.ts";
import { wipe } from "../octets/secret.ts";
import type { KernelResult, XfrmRequest } from "../xfrm/request.ts";
import type { KernelEffect } from "./kernel-queue.ts";
import type { KeyExchanger } from "./key-exchange.ts";
import type { Signer } from "./signer.ts";

/** What is needed to perform effects. */
export type Surroundings = {
  now(): Instant;
  /** It may wait for {@link Surroundings.flush}, but for no later turn. */
  send(octets: Uint8Array, path: Path): void;
  /** Sends what waits. */
  readonly flush?: () => void;
  /** Keeps what has changed for the next process; absent: nothing is kept. */
  readonly save?: () => void;
  /** Settles within the egroup's deadline; never rejects. */
  lookUp(egroup: string, by: LookupKey): Promise<LookupResult>;
  /** Settles within its deadline; never rejects. */
  resolve(host: string): Promise<ResolveResult>;
  /** An answer for each, in order. */
  kernel(requests: readonly XfrmRequest[]): readonly KernelResult[];
  readonly keyExchanger: KeyExchanger;
  readonly signer: Pick<Signer, "perform">;
  journal(entry: JournalEntry): void;
  /** A bug of ours outside any IKE SA. */
  onBug(fault: unknown): void;
};

/** Where answers go: `atOnce` within this turn, `late` in a later one. */
export type AnswerWays = { atOnce(answer: Event): void; late(answer: Event): void };

/** What the waiter for an answer is told if performing the effect hit a bug of ours. */
const BUG = "erouted itself failed: the error in its log tells where";

type OtherEffect = Exclude<Effect, KernelEffect>;

/** Performs one effect. Never throws: a bug costs this effect, and its answer says so. */
export function perform(effect: OtherEffect, around: Surroundings, ways: AnswerWays): void {
  try {
    carryOut(effect, around, ways);
  } catch (fault) {
    around.onBug(fault);
    if (isQuestion(effect)) ways.atOnce(failedAnswer(effect, BUG));
  } finally {
    // Private values are wiped here, however the effect ended.
    if (effect.kind === "key-exchange") wipe(effect.op.random);
  }
}

/** Performs kernel requests that follow from one event. Never throws: a bug costs all of them. */
export function performKernel(
  effects: readonly KernelEffect[],
  around: Pick<Surroundings, "kernel" | "onBug">,
  { atOnce }: Pick<AnswerWays, "atOnce">,
): void {
  try {
    const results = around.kernel(effects.map(({ op }) => op));
    if (results.length !== effects.length) throw new Error("the kernel has left out an answer");
    for (const [index, result] of results.entries()) {
      const effect = effects[index];
      if (effect !== undefined) {
        atOnce({ kind: "kernel-answer", request: effect.request, result });
      }
    }
  } catch (fault) {
    around.onBug(fault);
    for (const effect of effects) atOnce(failedAnswer(effect, BUG));
  } finally {
    for (const { op } of effects) wipeRequest(op);
  }
}

function carryOut(effect: OtherEffect, around: Surroundings, ways: AnswerWays): void {
  switch (effect.kind) {
    case "send":
      return around.send(effect.octets, effect.path);
    case "keepalive":
      return around.send(Uint8Array.of(NAT_KEEPALIVE), effect.path);
    case "journal":
      return around.journal(effect.entry);
    case "key-exchange":
    case "signature": {
      const answer = askThreads(effect, around, ways.late);
      if (answer !== undefined) ways.atOnce(answer);
      return;
    }
    case "look-up":
    case "resolve":
      return answerLater(effect, around, ways);
    default:
      never(effect);
  }
}

/**
 * Effects that are answered at once if they are fast; otherwise a thread answers in a later turn.
 */
function askThreads(
  effect: Extract<Effect, { kind: "key-exchange" | "signature" }>,
  around: Surroundings,
  onLate: (answer: Event) => void,
): Event | undefined {
  if (effect.kind === "key-exchange") {
    const answer = (result: KeyExchangeResult): Event => ({
      kind: "key-exchange-answer",
      request: effect.request,
      result,
    });
    const { op, precedence } = effect;
    const result = around.keyExchanger.perform(op, precedence, (late) => onLate(answer(late)));
    return result === undefined ? undefined : answer(result);
  }
  const answer = (result: SignatureResult): Event => ({
    kind: "signature-answer",
    request: effect.request,
    result,
  });
  const { op, precedence } = effect;
  const result = around.signer.perform(op, precedence, (late) => onLate(answer(late)));
  return result === undefined ? undefined : answer(result);
}

function answerLater(
  effect: Extract<Effect, { kind: "look-up" | "resolve" }>,
  around: Surroundings,
  ways: AnswerWays,
): void {
  void askOutside(effect, around)
    .catch((fault: unknown) => {
      around.onBug(fault);
      return failedAnswer(effect, BUG);
    })
    .then(ways.late);
}

/** Effects that take time: the answer is an event of a later turn. */
async function askOutside(
  effect: Extract<Effect, { kind: "look-up" | "resolve" }>,
  around: Surroundings,
): Promise<Event> {
  if (effect.kind === "look-up") {
    const { lookup, egroup, by } = effect;
    return { kind: "peer-rows", lookup, result: await around.lookUp(egroup, by) };
  }
  const { resolve, host } = effect;
  return { kind: "resolved", resolve, result: await around.resolve(host) };
}

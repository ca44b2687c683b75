/** Feeds events to the concentrator and performs its effects; holds the daemon's only timer. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { Effect } from "../concentrator/effect.ts";
import type { Event, LookupResult, ResolveResult } from "../concentrator/event.ts";
import { wipeRequest } from "../concentrator/install.ts";
import type { JournalEntry } from "../concentrator/journal.ts";
import type { KeyExchangeResult } from "../crypto/key-exchange.ts";
import type { SignatureResult } from "../crypto/signature.ts";
import type { LookupKey } from "../eroute/row.ts";
import type { Path } from "../inet/endpoint.ts";
import { never } from "../octets/assert.ts";
import type { Instant } from "../octets/instant.ts";
import { wipe } from "../octets/secret.ts";
import type { KernelResult, XfrmRequest } from "../xfrm/request.ts";
import { createAnswers } from "./answers.ts";
import type { KeyExchanger } from "./key-exchange.ts";
import type { Signer } from "./signer.ts";

/** What effects are performed with. */
export type Surroundings = {
  now(): Instant;
  send(octets: Uint8Array, path: Path): void;
  /** Settles within the egroup's deadline; never rejects. */
  lookUp(egroup: string, by: LookupKey): Promise<LookupResult>;
  /** Settles within its deadline; never rejects. */
  resolve(host: string): Promise<ResolveResult>;
  kernel(request: XfrmRequest): KernelResult;
  readonly keyExchanger: KeyExchanger;
  readonly signer: Signer;
  journal(entry: JournalEntry): void;
  /** A bug of ours outside any IKE SA. */
  onBug(fault: unknown): void;
};

export type Shell = {
  /** Hands over an event; all that follows from it at once is done on return. */
  feed(event: Event): void;
  /** No more timer, and answers that come later are dropped. */
  close(): void;
};

/** The whole of a NAT keepalive (RFC 3948 §2.3). */
const KEEPALIVE = 0xff;

/** Longest sleep of the timer, far below what setTimeout can take. */
const SLEEP_MS_MAX = 60_000;

/** Connects a concentrator with its surroundings. */
export function createShell(concentrator: Concentrator, around: Surroundings): Shell {
  const queue: Event[] = [];
  let isBusy = false;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  const perform = (effect: Effect): void => {
    switch (effect.kind) {
      case "send":
        around.send(effect.octets, effect.path);
        return;
      case "keepalive":
        around.send(Uint8Array.of(KEEPALIVE), effect.path);
        return;
      case "journal":
        around.journal(effect.entry);
        return;
      case "kernel": {
        const { request, op } = effect;
        const result = around.kernel(op);
        wipeRequest(op);
        queue.push({ kind: "kernel-answer", request, result });
        return;
      }
      case "key-exchange":
      case "signature": {
        const answer = askThreads(effect, around, answers.add);
        if (answer !== undefined) queue.push(answer);
        return;
      }
      case "look-up":
      case "resolve":
        void askOutside(effect, around)
          .then((answer) => answers.add(answer))
          .catch(around.onBug);
        return;
      default:
        never(effect);
    }
  };

  const feed = (event: Event): void => {
    if (isClosed) return;
    queue.push(event);
    if (isBusy) return;
    isBusy = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) handle(next);
    isBusy = false;
    arm();
  };

  /** A bug costs this event; those behind it are handled all the same. */
  const handle = (event: Event): void => {
    try {
      for (const effect of concentrator.handle(event, around.now())) perform(effect);
    } catch (fault) {
      around.onBug(fault);
    }
  };

  const onTimer = (): void => {
    timerAt = Number.POSITIVE_INFINITY;
    feed({ kind: "deadline" });
  };

  /** A timer that fires too early does no harm: it is not moved back, only forward. */
  const arm = (): void => {
    const next = concentrator.nextDeadline();
    if (next === undefined || next >= timerAt) return;
    clearTimeout(timer);
    timerAt = next;
    const wait = Math.min(Math.max(0, Math.ceil(next - around.now())), SLEEP_MS_MAX);
    timer = setTimeout(onTimer, wait);
  };

  const answers = createAnswers(feed, around.now);
  arm();
  return {
    feed,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** What is answered at once if it is quick; else a thread answers in a later turn. */
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
    const result = around.keyExchanger.perform(effect.op, (late) => onLate(answer(late)));
    wipe(effect.op.random);
    return result === undefined ? undefined : answer(result);
  }
  const answer = (result: SignatureResult): Event => ({
    kind: "signature-answer",
    request: effect.request,
    result,
  });
  const result = around.signer.perform(effect.op, (late) => onLate(answer(late)));
  return result === undefined ? undefined : answer(result);
}

/** What takes its time: the answer is an event of a later turn. */
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

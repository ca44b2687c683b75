/** Answers to requests: each goes to its waiter; one that is no longer awaited is counted. */

import { never } from "../octets/assert.ts";
import { onResolved } from "./calls/dial.ts";
import { onCallRows } from "./calls/initiate.ts";
import { onChildAnswer } from "./dataplane/install.ts";
import { onRepairAnswer } from "./dataplane/repair.ts";
import { onStandingAnswer } from "./dataplane/standing.ts";
import { onStateUse } from "./dataplane/usage.ts";
import { deliver, start } from "./drive.ts";
import { count, type Engine } from "./engine.ts";
import type { Event } from "./event.ts";
import { noteLimit } from "./journal/limit-notes.ts";
import { entryAt } from "./negotiation/ike-sas.ts";
import { UNWATCHED } from "./requests.ts";
import { onAddressRows } from "./sites/by-address.ts";
import { onIdentityRows } from "./sites/look-up.ts";
import { onPpkRows } from "./sites/ppk-look-up.ts";
import { onRowRead } from "./sites/row-change.ts";
import { onPasswordRows } from "./sites/xauth.ts";

type Of<K extends Event["kind"]> = Extract<Event, { kind: K }>;
type WorkAnswer = Of<"key-exchange-answer" | "signature-answer">;
type Answer = Of<"peer-rows" | "resolved" | "kernel-answer"> | WorkAnswer;

/** Gives an answer to its waiter. */
export function onAnswer(engine: Engine, answer: Answer): void {
  switch (answer.kind) {
    case "peer-rows":
      return onRows(engine, answer);
    case "kernel-answer":
      return onKernelAnswer(engine, answer);
    case "key-exchange-answer":
    case "signature-answer":
      return onWorkDone(engine, answer);
    case "resolved": {
      const waiter = engine.requests.take(answer.kind, answer.resolve);
      if (waiter === undefined) return count(engine, "late_answers");
      return onResolved(engine, waiter.call, answer.result, start);
    }
    default:
      never(answer);
  }
}

function onRows(engine: Engine, { kind, lookup, result }: Of<"peer-rows">): void {
  const waiter = engine.requests.take(kind, lookup);
  switch (waiter?.kind) {
    case undefined:
      return count(engine, "late_answers");
    case "identity":
      return onIdentityRows(engine, waiter, { lookup, result });
    case "address":
      return onAddressRows(engine, waiter, { lookup, result });
    case "password":
      return onPasswordRows(engine, waiter, result);
    case "ppks":
      return onPpkRows(engine, waiter, result);
    case "row-check":
      return onRowRead(engine, waiter, { lookup, result });
    case "call-look-up":
      return onCallRows(engine, waiter.call, { lookup, result });
    default:
      never(waiter);
  }
}

function onKernelAnswer(engine: Engine, { kind, request, result }: Of<"kernel-answer">): void {
  if (request === UNWATCHED) return;
  const waiter = engine.requests.take(kind, request);
  switch (waiter?.kind) {
    case undefined:
      return count(engine, "late_answers");
    case "child-sa":
      return onChildAnswer(engine, waiter, result);
    case "usage":
      return onStateUse(engine, waiter, result.ok ? result.value : undefined);
    case "repair":
      return onRepairAnswer(engine, waiter, result);
    case "standing":
      return onStandingAnswer(engine, waiter.name, result);
    default:
      never(waiter);
  }
}

/** A key exchange or a signature: its IKE SA continues. */
function onWorkDone(engine: Engine, answer: WorkAnswer): void {
  const waiter =
    answer.kind === "signature-answer"
      ? engine.requests.take(answer.kind, answer.request)
      : engine.requests.take(answer.kind, answer.request);
  if (waiter !== undefined) noteOverload(engine, answer);
  if (waiter === undefined || entryAt(engine, waiter.spi) === undefined)
    return count(engine, "late_answers");
  const { spi, ticket } = waiter;
  if (answer.kind === "signature-answer") {
    deliver(engine, spi, { kind: answer.kind, ticket, result: answer.result });
  } else deliver(engine, spi, { kind: answer.kind, ticket, result: answer.result });
}

/** Counts and reports that the queue of a thread was full. */
function noteOverload(engine: Engine, { result, kind }: WorkAnswer): void {
  if (result.ok) return;
  const { detail } = result.error;
  if (kind === "signature-answer" && result.error.kind === "signatures-waiting") {
    count(engine, "signatures_refused");
    noteLimit(engine, { reason: "signatures-waiting", step: "IKE_AUTH", detail });
  }
  if (kind === "key-exchange-answer" && result.error.kind === "overloaded") {
    count(engine, "key_exchanges_refused");
    noteLimit(engine, { reason: "key-exchanges-waiting", step: "IKE_SA_INIT", detail });
  }
}

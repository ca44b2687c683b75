/** Codec of the calls: the sites that must not be called. Calls under way are not handed over. */

import { type Codec, list, record, text } from "../../octets/codec.ts";
import type { Engine } from "../engine.ts";
import { erouteAt } from "../sites/eroutes.ts";
import { forget } from "./call-table.ts";

export type PlainCalls = {
  /** Keys of eroutes with start = "always" that an operator has disconnected. */
  readonly held: readonly string[];
};

export const plainCalls: Codec<PlainCalls> = record<PlainCalls>({
  held: list(text(65_535), 10_000_000),
});

export function callsOf({ calls }: Engine): PlainCalls {
  return { held: [...calls.held] };
}

export function putCalls({ calls }: Engine, { held }: PlainCalls): void {
  for (const key of held) calls.held.add(key);
}

/** Sites that are connected, or were disconnected by an operator, are not called. */
export function forgetNeedlessCalls(engine: Engine): void {
  for (const call of [...engine.calls.byId.values()]) {
    const isNeedless = (key: string) =>
      engine.calls.held.has(key) || erouteAt(engine, key) !== undefined;
    if (call.stage.kind === "waiting" && call.keys.some(isNeedless)) forget(engine, call);
  }
}

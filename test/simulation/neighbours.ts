/** Connected sites side by side: which of them a change affects, and which it does not. */

import { expect } from "bun:test";
import type { XfrmState } from "../../src/xfrm/state.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import type { Table } from "./table.ts";

/** Sites 1 to `count`, connected. */
export function connectAll(table: Table, count: number, first = 1): readonly Caller[] {
  return Array.from({ length: count }, (_, index) => {
    putRow(table, first + index);
    const caller = seat(table, settingsOf(first + index));
    caller.connect();
    caller.settle();
    return caller;
  });
}

/** `fleet/site-1` and so on, in order of creation. */
export function namesOf(table: Table): readonly string[] {
  const { eroutes, erouteCount } = table.concentrator.snapshot();
  return eroutes(0, erouteCount).map((eroute) => eroute.name);
}

export type Before = {
  readonly states: ReadonlyMap<string, XfrmState>;
  readonly policies: ReadonlyMap<string, unknown>;
  readonly ikeSas: readonly string[];
};

/** What exists now: IKE SAs by name, and the states and policies of the kernel themselves. */
export function rememberAll(table: Table): Before {
  return {
    states: new Map([...table.kernel.states].map(([key, model]) => [key, model.state])),
    policies: new Map(table.kernel.policies),
    ikeSas: ikeSasOf(table),
  };
}

/** Every state and policy now existed before, and is the same object. */
export function expectUntouched(table: Table, before: Before, sites: number): void {
  expect(table.kernel.states.size).toBe(2 * sites);
  for (const [key, { state }] of table.kernel.states) expect(state).toBe(stateOf(before, key));
  for (const [key, policy] of table.kernel.policies) expect(policy).toBe(policyOf(before, key));
  const ikeSas = ikeSasOf(table);
  expect(ikeSas.length).toBe(sites);
  expect(before.ikeSas).toEqual(expect.arrayContaining([...ikeSas]));
}

/** Reasons in the journal about one site, or about none, oldest first. */
export function reasonsOf(table: Table, peerId: string | undefined): readonly string[] {
  return table.journal.filter((entry) => entry.peerId === peerId).map(({ reason }) => reason);
}

function stateOf(before: Before, key: string): XfrmState {
  const state = before.states.get(key);
  if (state === undefined) throw new Error(`state ${key} is new`);
  return state;
}

function policyOf(before: Before, key: string) {
  const policy = before.policies.get(key);
  if (policy === undefined) throw new Error(`policy ${key} is new`);
  return policy as NonNullable<ReturnType<Table["kernel"]["policies"]["get"]>>;
}

function ikeSasOf(table: Table): readonly string[] {
  const { eroutes, erouteCount } = table.concentrator.snapshot();
  return eroutes(0, erouteCount).flatMap(({ ikeSas }) => ikeSas.map((sa) => sa.spiI + sa.spiR));
}

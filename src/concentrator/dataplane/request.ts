/** Requests to the kernel for Child SAs. */

import { wipe } from "../../octets/secret.ts";
import type { XfrmRequest } from "../../xfrm/request.ts";
import type { XfrmMark, XfrmState, XfrmStateId } from "../../xfrm/state.ts";
import { ask } from "../ask.ts";
import type { Engine } from "../engine.ts";
import { UNWATCHED } from "../requests.ts";
import type { Installed } from "./installed.ts";

/** Asks the kernel. Requests that make something are waited for; removals are not. */
export function request(
  engine: Engine,
  op: XfrmRequest,
  waiting?: {
    readonly installed: Installed;
    readonly makes: XfrmStateId | undefined;
    readonly moves?: XfrmStateId;
  },
): void {
  if (waiting === undefined) {
    engine.out.push({ kind: "kernel", request: UNWATCHED, op });
    return;
  }
  const { installed, makes, moves } = waiting;
  installed.pending++;
  const waiter = { kind: "child-sa", installed, state: makes, moves } as const;
  ask(engine, waiter, (number) => ({ kind: "kernel", request: number, op }));
}

/** How requests name a state: one with a mark is only found by that mark. */
export function stateOf(
  { mark }: Installed,
  id: XfrmStateId,
): { readonly id: XfrmStateId; readonly mark?: XfrmMark } {
  return mark === undefined ? { id } : { id, mark };
}

/** Wipes the keys of a request that has been carried out. */
export function wipeRequest(op: XfrmRequest): void {
  if (op.op === "new-state") wipeState(op.state);
}

export function wipeState(...states: readonly XfrmState[]): void {
  for (const { protection } of states) {
    if (protection.kind === "aead") wipe(protection.aead.key);
    else wipe(protection.crypt.key, protection.auth.key);
  }
}

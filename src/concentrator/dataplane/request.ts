/** Requests to the kernel for Child SAs. */

import { wipe } from "../../octets/secret.ts";
import type { XfrmRequest } from "../../xfrm/request.ts";
import type { XfrmMark, XfrmProtection, XfrmState, XfrmStateId } from "../../xfrm/state.ts";
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
    readonly isAgain?: boolean;
  },
): void {
  if (waiting === undefined) {
    engine.out.push({ kind: "kernel", request: UNWATCHED, op });
    return;
  }
  const { installed, makes, moves, isAgain = false } = waiting;
  installed.pending++;
  const waiter = { kind: "child-sa", installed, state: makes, moves, isAgain } as const;
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

/** The same with keys of its own: those of a request are wiped once it is carried out. */
export function copyState(state: XfrmState): XfrmState {
  return { ...state, protection: copyProtection(state.protection) };
}

function copyProtection(protection: XfrmProtection): XfrmProtection {
  if (protection.kind === "aead") {
    const { aead } = protection;
    return { kind: "aead", aead: { ...aead, key: aead.key.slice() } };
  }
  const { crypt, auth } = protection;
  return {
    kind: "crypt-auth",
    crypt: { ...crypt, key: crypt.key.slice() },
    auth: { ...auth, key: auth.key.slice() },
  };
}

export function wipeState(...states: readonly XfrmState[]): void {
  for (const { protection } of states) {
    if (protection.kind === "aead") wipe(protection.aead.key);
    else wipe(protection.crypt.key, protection.auth.key);
  }
}

/** Dumps in turns: what the kernel answers to one request, read piece by piece. */

import type { Malformed } from "../octets/reader.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { errnoName } from "../xfrm/errno.ts";
import type { NetlinkMessage } from "../xfrm/netlink.ts";
import type { XfrmRefusal } from "../xfrm/request.ts";

/** Longest stretch of work between two turns of the event loop. */
const TURN_MS_MAX = 1;

/** Gives the event loop a turn when the work has taken long enough. */
export class Turn {
  #since = performance.now();

  async yieldIfLong(): Promise<void> {
    if (performance.now() - this.#since < TURN_MS_MAX) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}

/** Reads a dump to its end; `take` sees each object that `parse` finds. */
export async function readDump<T>(
  dump: Generator<readonly NetlinkMessage[], number, void>,
  operation: string,
  {
    parse,
    take,
  }: {
    readonly parse: (payload: Uint8Array) => Result<T | undefined, Malformed>;
    readonly take: (found: T) => void;
  },
): Promise<Result<undefined, XfrmRefusal>> {
  let fault: Malformed | undefined;
  const turn = new Turn();
  for (;;) {
    const piece = dump.next();
    if (piece.done) return dumpResult(operation, piece.value, fault);
    for (const message of piece.value) {
      const parsed = parse(message.payload);
      if (!parsed.ok) fault ??= parsed.error;
      else if (parsed.value !== undefined) take(parsed.value);
    }
    await turn.yieldIfLong();
  }
}

function dumpResult(
  operation: string,
  errno: number,
  fault: Malformed | undefined,
): Result<undefined, XfrmRefusal> {
  const refusal = { kind: "kernel", operation, object: "dump" } as const;
  if (errno !== 0) {
    const detail = errno === 1 ? "CAP_NET_ADMIN is missing" : "the dump broke off";
    return err({ ...refusal, errno: errnoName(errno), detail });
  }
  if (fault === undefined) return ok(undefined);
  return err({ ...refusal, errno: "EPROTO", detail: `${fault.where}: ${fault.detail}` });
}

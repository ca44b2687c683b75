/** States whose soft limit of volume is behind them, as a dump shows them. */

import { expect, test } from "bun:test";
import { HostWriter } from "../../../src/xfrm/host-order.ts";
import { emitState, parseStateName } from "../../../src/xfrm/state-message.ts";
import { stateLike } from "../../contract/xfrm-samples.ts";

/** Of struct xfrm_usersa_info. */
const AT = { octets: 160, packets: 168 } as const;

test.each([
  ["octets", 299, false],
  ["octets", 300, true],
  ["octets", 70_000, true],
  ["packets", 4, false],
  ["packets", 5, true],
] as const)("a state that has carried %s: %p, worn: %p", (what, count, isWorn) => {
  const { lifetime } = stateLike();
  const limits = { softOctets: 300n, hardOctets: 400n, softPackets: 5n, hardPackets: 6n };
  const limited = dumped({ ...lifetime, ...limits });
  new DataView(limited.buffer, limited.byteOffset).setUint32(AT[what], count, true);
  expect(parseStateName(limited)).toMatchObject({ ok: true, value: { isWorn } });
  const none = { softOctets: undefined, softPackets: undefined };
  const unlimited = dumped({ ...lifetime, ...none });
  new DataView(unlimited.buffer, unlimited.byteOffset).setUint32(AT[what], count, true);
  expect(parseStateName(unlimited)).toMatchObject({ ok: true, value: { isWorn: false } });
});

function dumped(lifetime: ReturnType<typeof stateLike>["lifetime"]): Uint8Array {
  const w = new HostWriter();
  emitState(w, stateLike({ lifetime }));
  return w.done();
}

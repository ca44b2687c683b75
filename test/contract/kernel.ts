/** What a kernel has to do with requests: one suite for the simulation's model and for Linux. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import type { KernelResult, XfrmRequest } from "../../src/xfrm/request.ts";
import type { XfrmState } from "../../src/xfrm/state.ts";
import { AES_CBC_SHA256, addressOf, policyLike, stateLike } from "./xfrm-samples.ts";

export type Performer = {
  perform(request: XfrmRequest): KernelResult;
  close(): void;
};

export type KernelAbilities = {
  /** Whether it takes ESP states; without, only policies are tried. */
  readonly esp: boolean;
};

/** Tables of any kernel: `make` gives one whose tables nobody else uses. */
export function kernelContract(
  name: string,
  make: () => Promise<Performer>,
  abilities: KernelAbilities,
): void {
  describe(`kernel: ${name}`, () => {
    let kernel: Performer;
    beforeAll(async () => {
      kernel = await make();
    });
    afterAll(() => kernel.close());
    policyContract(() => kernel);
    if (abilities.esp) stateContract(() => kernel);
  });
}

const V6 = { src: addressOf("2001:db8::1"), dst: addressOf("2001:db8::2") };

/** Each of these is taken, found again (EEXIST), removed, and not found again (ESRCH). */
const STATES: readonly (readonly [string, XfrmState])[] = [
  ["AES-GCM over IPv4", stateLike()],
  ["AES-CBC with SHA2-256 over IPv4", stateLike({ protection: AES_CBC_SHA256 })],
  ["AES-GCM over IPv6", stateLike({ id: { ...V6, spi: asEspSpi(0xc0ffee02) } })],
  [
    "AES-CBC with SHA2-256 over IPv6",
    stateLike({ id: { ...V6, spi: asEspSpi(0xc0ffee03) }, protection: AES_CBC_SHA256 }),
  ],
  ["ESP in UDP", stateLike({ encapsulation: { srcPort: 40_123, dstPort: 4500 } })],
  ["extended sequence numbers", stateLike({ esn: true, replayWindow: 128 })],
  [
    "extended sequence numbers, outbound",
    stateLike({ direction: "out", esn: true, replayWindow: 0 }),
  ],
  ["a replay window of 4096", stateLike({ replayWindow: 4096 })],
  ["no replay window", stateLike({ direction: "out", replayWindow: 0 })],
  ["transport mode", stateLike({ mode: "transport" })],
  ["an interface ID", stateLike({ ifId: 42 })],
  ["a hard limit", stateLike({ lifetime: { ...stateLike().lifetime, hardSeconds: 3600 } })],
];

function stateContract(kernel: () => Performer): void {
  test.each(STATES)("a state with %s is taken once, and removed once", (_, state) => {
    const install: XfrmRequest = { op: "new-state", state };
    const remove: XfrmRequest = { op: "delete-state", id: state.id };
    expect(kernel().perform(install)).toEqual({ ok: true, value: undefined });
    expect(kernel().perform(install)).toMatchObject({ ok: false, error: { errno: "EEXIST" } });
    expect(kernel().perform(remove)).toEqual({ ok: true, value: undefined });
    expect(kernel().perform(remove)).toMatchObject({ ok: false, error: { errno: "ESRCH" } });
  });

  test("a refusal says what was asked for, of which state, and why not", () => {
    const { id } = stateLike();
    expect(kernel().perform({ op: "delete-state", id })).toMatchObject({
      ok: false,
      error: {
        kind: "kernel",
        operation: "XFRM_MSG_DELSA",
        object: "state 192.0.2.1 -> 192.0.2.2 spi 0xc0ffee01",
        errno: "ESRCH",
        detail: expect.stringMatching(/./),
      },
    });
  });
}

function policyContract(kernel: () => Performer): void {
  const subnets = { src: "10.0.0.0/16", dst: "192.168.1.0/24" };

  test("a policy put twice is there once", () => {
    const policy = policyLike(subnets);
    const { id } = policy;
    expect(kernel().perform({ op: "put-policy", policy })).toMatchObject({ ok: true });
    expect(kernel().perform({ op: "put-policy", policy })).toMatchObject({ ok: true });
    expect(kernel().perform({ op: "delete-policy", id })).toMatchObject({ ok: true });
    expect(kernel().perform({ op: "delete-policy", id })).toMatchObject({
      ok: false,
      error: { errno: "ENOENT", operation: "XFRM_MSG_DELPOLICY", detail: "there is none" },
    });
  });

  test("policies of the same selector in the three directions are three", () => {
    for (const direction of ["in", "fwd", "out"] as const) {
      const policy = policyLike(subnets);
      const id = { ...policy.id, direction };
      expect(kernel().perform({ op: "put-policy", policy: { ...policy, id } }).ok).toBe(true);
    }
    for (const direction of ["in", "fwd", "out"] as const) {
      const id = { ...policyLike(subnets).id, direction };
      expect(kernel().perform({ op: "delete-policy", id }).ok).toBe(true);
    }
  });
}

/** What a kernel has to do with requests: one suite for the simulation's model and for Linux. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import type { KernelResult, XfrmRequest } from "../../src/xfrm/request.ts";
import type { XfrmMark, XfrmState, XfrmStateId, XfrmStateUse } from "../../src/xfrm/state.ts";
import { AES_CBC_SHA256, addressOf, policyLike, stateLike } from "./xfrm-samples.ts";

export type Performer = {
  perform(request: XfrmRequest): KernelResult;
  close(): void;
};

export type KernelAbilities = {
  /** Whether it accepts ESP states; without them, only policies are tested. */
  readonly esp: boolean;
};

/** Tables of any kernel: `make` returns one whose tables are used by this test only. */
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

const OWN_HEADER = { copyDscp: false, ecn: false, pathMtuDiscovery: false };

/** Each of these is accepted, found again (EEXIST), removed, and not found any more (ESRCH). */
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
  ["an outer header of its own", stateLike({ outerHeader: OWN_HEADER })],
  ["a mark", stateLike({ mark: { value: 7, mask: 0xff } })],
  ["a hard limit", stateLike({ lifetime: { ...stateLike().lifetime, hardSeconds: 3600 } })],
];

function stateContract(kernel: () => Performer): void {
  test.each(STATES)("a state with %s is accepted once, and removed once", (_, state) => {
    const install: XfrmRequest = { op: "new-state", state };
    const { id, mark } = state;
    const remove: XfrmRequest = { op: "delete-state", id, ...(mark === undefined ? {} : { mark }) };
    expect(kernel().perform(install)).toEqual({ ok: true, value: undefined });
    expect(kernel().perform(install)).toMatchObject({ ok: false, error: { errno: "EEXIST" } });
    expect(kernel().perform(remove)).toEqual({ ok: true, value: undefined });
    expect(kernel().perform(remove)).toMatchObject({ ok: false, error: { errno: "ESRCH" } });
  });

  test.each(STATES)("a state with %s moves elsewhere, and leaves its old place", (_, state) => {
    const encapsulation = { srcPort: 61_234, dstPort: 4500 };
    const { mark } = state;
    const named = <T extends object>(request: T): T & { mark?: XfrmMark } =>
      mark === undefined ? request : { ...request, mark };
    const to = elsewhere(state.id);
    expect(kernel().perform({ op: "new-state", state }).ok).toBe(true);
    const move: XfrmRequest = { op: "move-state", id: state.id, to, encapsulation };
    expect(kernel().perform(named(move))).toEqual({ ok: true, value: undefined });
    expect(kernel().perform(named({ op: "query-state", id: state.id }))).toMatchObject({
      ok: false,
      error: { operation: "XFRM_MSG_GETSA", errno: "ESRCH" },
    });
    const found = kernel().perform(named({ op: "query-state", id: to }));
    expect(found).toEqual({
      ok: true,
      value: { ...unusedLike(to), reqid: state.reqid, encapsulation },
    });
    expect(kernel().perform(named({ op: "delete-state", id: to })).ok).toBe(true);
  });

  test("a state stays under its destination when only its source or its ports change", () => {
    const state = stateLike({ encapsulation: { srcPort: 40_123, dstPort: 4500 } });
    const to = { ...state.id, src: addressOf("198.51.100.9") };
    const encapsulation = { srcPort: 1024, dstPort: 4500 };
    kernel().perform({ op: "new-state", state });
    expect(kernel().perform({ op: "move-state", id: state.id, to, encapsulation }).ok).toBe(true);
    const found = kernel().perform({ op: "query-state", id: state.id });
    expect(found).toMatchObject({ ok: true, value: { id: to, encapsulation } });
    const bare: XfrmRequest = { op: "move-state", id: to, to: state.id, encapsulation: undefined };
    expect(kernel().perform(bare).ok).toBe(true);
    expect(kernel().perform({ op: "query-state", id: to })).toMatchObject({
      value: { id: state.id, encapsulation: undefined },
    });
    expect(kernel().perform({ op: "delete-state", id: state.id }).ok).toBe(true);
  });

  test("a state replaces another one with the same destination and SPI", () => {
    const state = stateLike();
    const { id } = state;
    const from = { ...id, src: elsewhere(id).src };
    expect(kernel().perform({ op: "new-state", state }).ok).toBe(true);
    const next = stateLike({ id: from });
    const instead: XfrmRequest = { op: "new-state", state: next, insteadOf: { id } };
    expect(kernel().perform(instead)).toEqual({ ok: true, value: undefined });
    expect(kernel().perform({ op: "query-state", id: from })).toMatchObject({
      value: { id: from },
    });
    expect(kernel().perform({ op: "delete-state", id: from }).ok).toBe(true);
    // There is nothing that would have to be deleted.
    const state2 = stateLike({ id: from });
    expect(kernel().perform({ ...instead, state: state2 }).ok).toBe(true);
    expect(kernel().perform({ op: "delete-state", id: from }).ok).toBe(true);
  });

  test("a state that cannot move because another one is there stays unchanged", () => {
    const encapsulation = { srcPort: 40_123, dstPort: 4500 };
    const state = stateLike({ encapsulation });
    const other = stateLike({ id: elsewhere(state.id) });
    for (const each of [state, other]) kernel().perform({ op: "new-state", state: each });
    const to = other.id;
    const move: XfrmRequest = { op: "move-state", id: state.id, to, encapsulation: undefined };
    expect(kernel().perform(move)).toMatchObject({ ok: false, error: { errno: "EEXIST" } });
    expect(kernel().perform({ op: "query-state", id: state.id })).toMatchObject({
      ok: true,
      value: { id: state.id, encapsulation },
    });
    for (const { id } of [state, other]) {
      expect(kernel().perform({ op: "delete-state", id }).ok).toBe(true);
    }
  });

  test("a missing state can neither be queried nor moved", () => {
    const { id } = stateLike();
    const query: XfrmRequest = { op: "query-state", id };
    const to = elsewhere(id);
    const move: XfrmRequest = { op: "move-state", id, to, encapsulation: undefined };
    for (const request of [query, move]) {
      expect(kernel().perform(request)).toMatchObject({ ok: false, error: { errno: "ESRCH" } });
    }
  });

  test("a state with a mark is found by requests with that mark", () => {
    const mark = { value: 7, mask: 0xff };
    const { id } = stateLike();
    kernel().perform({ op: "new-state", state: stateLike({ mark }) });
    for (const op of ["query-state", "delete-state"] as const) {
      expect(kernel().perform({ op, id })).toMatchObject({ error: { errno: "ESRCH" } });
    }
    expect(kernel().perform({ op: "query-state", id, mark })).toMatchObject({ value: { id } });
    expect(kernel().perform({ op: "delete-state", id, mark }).ok).toBe(true);
  });

  test("a refusal says what was requested, for which state, and why not", () => {
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

/** Another remote address, of the same family. */
function elsewhere(id: XfrmStateId): XfrmStateId {
  const addresses =
    id.dst.family === 4 ? ["198.51.100.1", "198.51.100.2"] : ["2001:db8:1::1", "2001:db8:1::2"];
  const [src = "", dst = ""] = addresses;
  return { ...id, src: addressOf(src), dst: addressOf(dst) };
}

/** The counters of a state that no packet has used. */
function unusedLike(id: XfrmStateId): Omit<XfrmStateUse, "reqid" | "encapsulation"> {
  const counted = { octets: 0n, packets: 0n, lastUsedSeconds: undefined };
  return { id, ...counted, replayErrors: 0, integrityErrors: 0 };
}

function policyContract(kernel: () => Performer): void {
  const subnets = { src: "10.0.0.0/16", dst: "192.168.1.0/24" };

  test("a policy installed twice exists once", () => {
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

  test("a query for a policy finds ours, none, or another program's", () => {
    const policy = policyLike(subnets);
    const { id } = policy;
    const query: XfrmRequest = { op: "query-policy", id };
    expect(kernel().perform(query)).toMatchObject({ ok: false, error: { errno: "ENOENT" } });
    expect(kernel().perform({ op: "put-policy", policy })).toMatchObject({ ok: true });
    expect(kernel().perform(query)).toEqual({ ok: true, value: undefined });
    const foreign = { id, priority: 7, action: "block", template: undefined } as const;
    expect(kernel().perform({ op: "put-policy", policy: foreign })).toMatchObject({ ok: true });
    expect(kernel().perform(query)).toMatchObject({ ok: false, error: { errno: "EEXIST" } });
    expect(kernel().perform({ op: "delete-policy", id })).toMatchObject({ ok: true });
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

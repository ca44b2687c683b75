/** What Linux does beyond answering: dumps, leftovers, events. For a namespace of its own. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Address, formatAddress } from "../../src/inet/address.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { onePort } from "../../src/inet/port-block.ts";
import { type Kernel, openKernel } from "../../src/linux/xfrm-kernel.ts";
import type { XfrmEvent } from "../../src/xfrm/event.ts";
import { unprotectedPriority } from "../../src/xfrm/priority.ts";
import { formatPolicyId, type XfrmRequest } from "../../src/xfrm/request.ts";
import type { XfrmStateUse } from "../../src/xfrm/state.ts";
import { placeOf, type StateCount } from "../../src/xfrm/state-count.ts";
import { patient } from "../patience.ts";
import type { KernelAbilities } from "./kernel.ts";
import {
  addressOf,
  FOREIGN_REQID,
  OUR_REQID,
  policyLike,
  selectorOf,
  stateLike,
  WITHOUT_LIMITS,
} from "./xfrm-samples.ts";

/** The addresses on this side of the test's cable, and behind the other side. */
export const LOCAL = addressOf("10.9.0.1");
const LOCAL_SUBNET = "10.9.0.0/16";
const NEIGHBOUR = "10.9.0.2";

const EVENT_MS_MAX = patient(8_000);
/** More acquires than fit into 8 MiB. */
const FLOOD_DATAGRAMS = 24_000;

/** Opens the real kernel; a fault fails the test. */
export function realKernel(): Kernel {
  const kernel = openKernel();
  if (!kernel.ok) throw new Error(`${kernel.error.detail}; ${kernel.error.advice}`);
  return kernel.value;
}

/** A cable in this network namespace, so that packets have somewhere to go. */
export function layCable(): void {
  for (const command of [
    "link set lo up",
    "link add xt0 type veth peer name xt1",
    `addr add 10.9.0.1/24 dev xt0`,
    "link set xt0 up",
    "link set xt1 up",
    `neigh add ${NEIGHBOUR} lladdr 02:00:00:00:00:02 dev xt0`,
    `route add 198.18.0.0/15 via ${NEIGHBOUR}`,
  ]) {
    const { exitCode, stderr } = Bun.spawnSync(["ip", ...command.split(" ")]);
    if (exitCode !== 0) throw new Error(`ip ${command}: ${stderr}`);
  }
}

export function linuxKernelContract(abilities: KernelAbilities): void {
  describe("Linux", () => {
    let kernel: Kernel;
    beforeAll(() => {
      layCable();
      kernel = realKernel();
    });
    afterAll(() => kernel.close());
    acquireContract(() => kernel);
    lossContract(() => kernel);
    policyLeftoversContract(() => kernel);
    removalContract(() => kernel, abilities);
    manyContract(() => kernel, abilities);
    if (!abilities.esp) return;
    stateLeftoversContract(() => kernel);
    countersContract(() => kernel);
    lifetimeContract(() => kernel);
  });
}

function acquireContract(kernel: () => Kernel): void {
  test("a packet under a policy without state is reported, for each site", async () => {
    const policy = policyLike({ src: LOCAL_SUBNET, dst: "198.18.0.0/15" });
    const template = { ...policy.template, ...anywhere() };
    perform(kernel(), { op: "put-policy", policy: { ...policy, template } });
    const events = listen(kernel());
    for (const site of ["198.18.1.5", "198.18.2.5", "198.19.3.5"]) {
      const asks = (event: XfrmEvent): boolean =>
        event.kind === "acquire" && event.acquire.packet.dst.value === addressOf(site).value;
      await sendUntil(addressOf(site), () => events.some(asks));
    }
    expect(events[0]).toMatchObject({
      kind: "acquire",
      acquire: {
        reqid: OUR_REQID,
        packet: { src: { ...LOCAL, length: 32 }, protocol: 17, dstPort: onePort(9) },
        policy: policy.id,
      },
    });
    perform(kernel(), { op: "delete-policy", id: policy.id });
  });
}

function lossContract(kernel: () => Kernel): void {
  test("events that the kernel drops are reported as lost; later ones arrive", async () => {
    // In transport mode each destination causes an acquire of its own.
    const policy = policyLike({ src: LOCAL_SUBNET, dst: "198.18.0.0/15" });
    const template = { ...anywhere(), mode: "transport" } as const;
    perform(kernel(), { op: "put-policy", policy: { ...policy, template } });
    let lost = 0;
    const events: XfrmEvent[] = [];
    kernel().listen(
      (event) => events.push(event),
      () => lost++,
    );
    const socket = await Bun.udpSocket({ hostname: "10.9.0.1", port: 0 });
    for (let i = 0; i < FLOOD_DATAGRAMS; i++) sendOnce(socket, `198.18.${i >> 8}.${i & 255}`);
    socket.close();
    await until(() => lost > 0);
    const later = addressOf("198.19.255.1");
    const asks = (event: XfrmEvent): boolean =>
      event.kind === "acquire" && event.acquire.packet.dst.value === later.value;
    await sendUntil(later, () => events.some(asks));
    perform(kernel(), { op: "delete-policy", id: policy.id });
  });
}

function removalContract(kernel: () => Kernel, abilities: KernelAbilities): void {
  const policy = policyLike({ src: "10.1.0.0/16", dst: "192.168.5.0/24" });
  const selector = "src 10.1.0.0/16 dst 192.168.5.0/24 dir out";

  test("a policy removed or replaced by another program is reported, ours are not", async () => {
    const { id } = policy;
    const events = listen(kernel());
    perform(kernel(), { op: "put-policy", policy });
    perform(kernel(), { op: "delete-policy", id });
    perform(kernel(), { op: "put-policy", policy });
    ip(`xfrm policy update ${selector} action block priority 7`);
    ip(`xfrm policy delete ${selector}`);
    // The kernel does not report a flush that finds nothing.
    perform(kernel(), { op: "put-policy", policy });
    ip("xfrm policy flush");
    await until(() => events.length >= 3);
    const by = expect.any(Number);
    const one = { kind: "removed", removal: { what: "policy", id }, by } as const;
    const all = { kind: "removed", removal: { what: "policies" }, by } as const;
    expect(events).toEqual([one, one, all]);
  });

  test("so is a route of ours, but not one of another program", async () => {
    const events = listen(kernel());
    ip("route add 192.168.6.0/24 dev xt0 proto static");
    ip("route del 192.168.6.0/24");
    ip("route add 192.168.7.0/24 dev xt0 proto 69");
    ip("route del 192.168.7.0/24");
    await until(() => events.length >= 1);
    const destination = policyLike({ src: "10.0.0.0/8", dst: "192.168.7.0/24" }).id.selector.dst;
    expect(events).toMatchObject([{ kind: "removed", removal: { what: "route", destination } }]);
  });

  test("reading the tables returns only our own objects", async () => {
    perform(kernel(), { op: "put-policy", policy });
    ip("xfrm policy add src 10.1.0.0/16 dst 192.168.8.0/24 dir out action block priority 7");
    const tables = await kernel().tables();
    if (!tables.ok) throw new Error(tables.error.detail);
    const { states, policies } = tables.value;
    expect([policies.size, policies.has(formatPolicyId(policy.id))]).toEqual([1, true]);
    expect(states.size).toBe(0);
    ip("xfrm policy flush");
  });

  if (!abilities.esp) return;
  test("a state that another program deletes is reported, and so is a flush", async () => {
    const state = stateLike();
    const { src, dst, spi } = state.id;
    const events = listen(kernel());
    perform(kernel(), { op: "new-state", state });
    const ends = `src ${formatAddress(src)} dst ${formatAddress(dst)}`;
    ip(`xfrm state delete ${ends} proto esp spi ${spi}`);
    perform(kernel(), { op: "new-state", state: stateLike() });
    ip("xfrm state flush");
    await until(() => events.length >= 2);
    expect(events).toMatchObject([
      { kind: "removed", removal: { what: "state", id: { dst, spi } } },
      { kind: "removed", removal: { what: "states" } },
    ]);
  });
}

/** As another program does. */
function ip(words: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...words.split(" ")]);
  if (exitCode !== 0) throw new Error(`ip ${words}: ${stderr}`);
}

function policyLeftoversContract(kernel: () => Kernel): void {
  test("only our policies are removed as leftovers, even without template", async () => {
    const selector = selectorOf("10.1.0.0/16", "192.168.2.0/24");
    const blocking = policyLike(
      { src: "10.1.0.0/16", dst: "192.168.2.0/24" },
      {
        action: "block",
        template: undefined,
        priority: unprotectedPriority({ selector, direction: "out" }),
      },
    );
    const ours = policyLike({ src: "10.1.0.0/16", dst: "192.168.1.0/24" });
    const foreign = foreignPolicy();
    const foreignBlocking = policyLike(
      { src: "10.1.0.0/16", dst: "192.168.4.0/24" },
      { action: "block", template: undefined, priority: 1000 },
    );
    const all = [ours, blocking, foreign, foreignBlocking];
    for (const policy of all) perform(kernel(), { op: "put-policy", policy });
    expect(await kernel().removeLeftovers()).toMatchObject({ ok: true, value: { policies: 2 } });
    expect(kernel().perform({ op: "delete-policy", id: ours.id }).ok).toBe(false);
    expect(kernel().perform({ op: "delete-policy", id: blocking.id }).ok).toBe(false);
    perform(kernel(), { op: "delete-policy", id: foreign.id });
    perform(kernel(), { op: "delete-policy", id: foreignBlocking.id });
  });
}

function stateLeftoversContract(kernel: () => Kernel): void {
  test("removal of leftovers removes only our states, including marked ones", async () => {
    const ours = stateLike();
    const marked = stateLike({ id: withSpi(0xc0ffee11), mark: { value: 7, mask: 0xff } });
    const foreign = stateLike({ id: withSpi(0xc0ffee12), reqid: FOREIGN_REQID });
    for (const state of [ours, marked, foreign]) perform(kernel(), { op: "new-state", state });
    const removed = await kernel().removeLeftovers();
    expect(removed).toEqual({ ok: true, value: { states: 2, policies: 0, routes: 0 } });
    perform(kernel(), { op: "delete-state", id: foreign.id });
  });
}

function countersContract(kernel: () => Kernel): void {
  test("what a state protected is counted, and dumped while others are left out", async () => {
    const policy = policyLike({ src: LOCAL_SUBNET, dst: "198.18.0.0/15" });
    const ends = { src: LOCAL, dst: addressOf(NEIGHBOUR) };
    const id = { ...ends, spi: asEspSpi(0xc0ffee21) };
    const encapsulation = { srcPort: 4500, dstPort: 40_123 };
    const template = { ...ends, reqid: OUR_REQID, mode: "tunnel" } as const;
    const state = stateLike({ id, direction: "out", encapsulation });
    const foreign = stateLike({ id: withSpi(0xc0ffee22), reqid: FOREIGN_REQID });
    perform(kernel(), { op: "new-state", state });
    perform(kernel(), { op: "new-state", state: foreign });
    perform(kernel(), { op: "put-policy", policy: { ...policy, template } });
    await sendDatagram(addressOf("198.18.7.7"));
    const counts = await countsOf(kernel());
    const place = placeOf(ends.dst);
    expect(counts).toMatchObject([{ place, spi: id.spi, reqid: OUR_REQID, packets: 1 }]);
    expect(counts[0]?.octets).toBeGreaterThan(0);
    const use = perform(kernel(), { op: "query-state", id });
    expect(use).toMatchObject({ id, encapsulation, packets: 1n, replayErrors: 0 });
    expect(use?.octets).toBe(BigInt(counts[0]?.octets ?? 0));
    expect(use?.lastUsedSeconds).toBeGreaterThan(Date.now() / 1000 - 60);
    perform(kernel(), { op: "delete-policy", id: policy.id });
    perform(kernel(), { op: "delete-state", id: foreign.id });
    perform(kernel(), { op: "delete-state", id });
  });

  test("two dumps of two thousand states at the same time are both complete", async () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => withSpi(0xd000_0000 + i));
    for (const id of ids) perform(kernel(), { op: "new-state", state: stateLike({ id }) });
    const [first, second] = await Promise.all([countsOf(kernel()), countsOf(kernel())]);
    expect([first.length, second.length]).toEqual([2_000, 2_000]);
    expect(await kernel().removeLeftovers()).toMatchObject({ value: { states: 2_000 } });
  });
}

async function countsOf(kernel: Kernel): Promise<readonly StateCount[]> {
  const counts: StateCount[] = [];
  const read = await kernel.stateCounts((count) => counts.push(count));
  if (!read.ok) throw new Error(read.error.detail);
  return counts;
}

function lifetimeContract(kernel: () => Kernel): void {
  test("a state reports its soft and its hard limit, then it is gone", async () => {
    const events = listen(kernel());
    // Far apart: on a machine that stalls between them, the kernel reports only the hard limit.
    const lifetime = { ...WITHOUT_LIMITS, softSeconds: 1, hardSeconds: 4 };
    const { id } = stateLike();
    perform(kernel(), { op: "new-state", state: stateLike({ lifetime }) });
    await until(() => events.length >= 2);
    expect(events).toEqual([
      { kind: "expire", expire: { id, reqid: OUR_REQID, hard: false } },
      { kind: "expire", expire: { id, reqid: OUR_REQID, hard: true } },
    ]);
    expect(kernel().perform({ op: "delete-state", id })).toMatchObject({
      error: { errno: "ESRCH", object: expect.stringContaining("0xc0ffee01") },
    });
  });
}

/** Events from now on, in order. */
function listen(kernel: Kernel): XfrmEvent[] {
  const events: XfrmEvent[] = [];
  const listening = kernel.listen(
    (event) => events.push(event),
    () => {},
  );
  if (!listening.ok) throw new Error(listening.error.detail);
  return events;
}

function perform(kernel: Kernel, request: XfrmRequest): XfrmStateUse | undefined {
  const result = kernel.perform(request);
  if (!result.ok) throw new Error(Bun.inspect(result.error));
  return result.value;
}

/** Sends until `done`: single packets may be dropped while the kernel has no state for them. */
async function sendUntil(to: Address, done: () => boolean): Promise<void> {
  for (let i = 0; i < 50 && !done(); i++) {
    await sendDatagram(to);
    await Bun.sleep(20);
  }
  expect(done()).toBe(true);
}

async function sendDatagram(address: Address): Promise<void> {
  const socket = await Bun.udpSocket({ hostname: "10.9.0.1", port: 0 });
  sendOnce(socket, formatAddress(address));
  await Bun.sleep(5);
  socket.close();
}

function sendOnce(socket: Bun.udp.Socket<"buffer">, to: string): void {
  try {
    socket.send("a packet", 9, to);
  } catch {
    // EAGAIN while the kernel waits for a state: the acquire has been sent anyway
  }
}

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + EVENT_MS_MAX;
  while (!done() && performance.now() < end) await Bun.sleep(20);
  expect(done()).toBe(true);
}

function foreignPolicy(): ReturnType<typeof policyLike> {
  const policy = policyLike({ src: "10.1.0.0/16", dst: "192.168.3.0/24" });
  const template = { ...anywhere(), reqid: FOREIGN_REQID, dst: addressOf("192.0.2.1") };
  return { ...policy, template };
}

/** A template without a remote address: that of a policy for sites that are still unknown. */
function anywhere(): NonNullable<ReturnType<typeof policyLike>["template"]> {
  const unspecified = addressOf("0.0.0.0");
  return { src: unspecified, dst: unspecified, reqid: OUR_REQID, mode: "tunnel" };
}

function withSpi(spi: number): ReturnType<typeof stateLike>["id"] {
  return { ...stateLike().id, spi: asEspSpi(spi) };
}

/** More than fit into one datagram. */
const MANY = 200;

function manyContract(kernel: () => Kernel, { esp }: KernelAbilities): void {
  test("many at once: each is carried out, also behind one that is refused", async () => {
    const put = Array.from({ length: MANY }, (_, index): XfrmRequest => {
      const dst = `10.${100 + (index >> 8)}.${index & 255}.0/24`;
      return { op: "put-policy", policy: policyLike({ src: LOCAL_SUBNET, dst }) };
    });
    const remove = put.flatMap((request): XfrmRequest[] => {
      return request.op === "put-policy" ? [{ op: "delete-policy", id: request.policy.id }] : [];
    });
    const missing = policyLike({ src: LOCAL_SUBNET, dst: "10.200.0.0/24" }).id;
    const refused: XfrmRequest = { op: "delete-policy", id: missing };
    const [first] = put;
    if (first?.op !== "put-policy") throw new Error("there is a policy");
    const query: XfrmRequest = { op: "query-policy", id: first.policy.id };
    const requests = [...put.slice(0, 50), refused, ...put.slice(50), query, refused, ...remove];
    const answers = kernel().performAll(requests);
    expect(answers).toHaveLength(requests.length);
    const faults = answers.flatMap((answer, at) => (answer.ok ? [] : [[at, answer.error.errno]]));
    expect(faults).toEqual([
      [50, "ENOENT"],
      [MANY + 2, "ENOENT"],
    ]);
    const tables = await kernel().tables();
    expect(tables.ok ? tables.value.policies.size : tables.error).toBe(0);
    expect(kernel().performAll([])).toEqual([]);
  });

  test.skipIf(!esp)("many at once: states too, and one that is there is refused", () => {
    const spis = Array.from({ length: 40 }, (_, index) => asEspSpi(0xc0ff_0000 + index));
    const of = (spi: (typeof spis)[number]) => ({ ...stateLike().id, spi });
    const create = spis.map((spi): XfrmRequest => {
      return { op: "new-state", state: stateLike({ id: of(spi) }) };
    });
    const [again] = spis;
    if (again === undefined) throw new Error("there is a state");
    const twice: XfrmRequest = { op: "new-state", state: stateLike({ id: of(again) }) };
    const remove = spis.map((spi): XfrmRequest => ({ op: "delete-state", id: of(spi) }));
    const answers = kernel().performAll([...create, twice, ...remove]);
    const faults = answers.flatMap((answer, at) => (answer.ok ? [] : [[at, answer.error.errno]]));
    expect(faults).toEqual([[40, "EEXIST"]]);
  });
}

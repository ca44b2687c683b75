/**
 * The shell between the concentrator and its environment: a bug costs one effect or event, no more.
 */

import { expect, test } from "bun:test";
import type { Concentrator } from "../../../src/concentrator/concentrator.ts";
import type { Effect } from "../../../src/concentrator/effect.ts";
import type { Event, KernelRequestId, LookupId } from "../../../src/concentrator/event.ts";
import type { Surroundings } from "../../../src/daemon/perform.ts";
import { createShell } from "../../../src/daemon/shell.ts";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import type { Instant } from "../../../src/octets/instant.ts";
import { err, ok } from "../../../src/octets/result.ts";
import { type XfrmRequest, xfrmRefusal } from "../../../src/xfrm/request.ts";

const local = { family: 4, value: 0xc0000202n } as const;
const remote = { family: 4, value: 0xc0000201n } as const;
const path = { local: { address: local, port: 500 }, remote: { address: remote, port: 500 } };
const first: Effect = { kind: "send", octets: Uint8Array.of(1), path };
const last: Effect = { kind: "send", octets: Uint8Array.of(2), path };
const lookUp: Effect = {
  kind: "look-up",
  lookup: 6 as LookupId,
  egroup: "sites",
  by: { by: "network", network: "192.168.1.0" },
};

test("a kernel request that a bug stops is answered, and its keys are wiped", async () => {
  const key = Uint8Array.of(7, 7, 7);
  const op = newState(key);
  const seen = await run([first, { kind: "kernel", request: 5 as KernelRequestId, op }, last], {
    kernel: () => {
      throw new Error("netlink broke");
    },
  });
  expect(seen.sent).toEqual([1, 2]);
  expect(seen.bugs).toEqual(["netlink broke"]);
  const answer = seen.events.find(({ kind }) => kind === "kernel-answer");
  expect(answer).toMatchObject({ request: 5, result: { ok: false, error: { errno: "EIO" } } });
  expect([...key]).toEqual([0, 0, 0]);
});

test("kernel requests of one event are asked together, each has its answer", async () => {
  const keys = [1, 2, 3].map((octet) => Uint8Array.of(octet));
  const asked: number[] = [];
  const requests = keys.map((key, index): Effect => {
    return { kind: "kernel", request: index as KernelRequestId, op: newState(key) };
  });
  const seen = await run([first, ...requests, last], {
    kernel: (ops) => {
      asked.push(ops.length);
      return ops.map((op, index) =>
        index === 1 ? err(xfrmRefusal(op, 17, "there is one")) : ok(undefined),
      );
    },
  });
  expect(asked).toEqual([3]);
  expect(seen.sent).toEqual([1, 2]);
  const answers = seen.events.filter(({ kind }) => kind === "kernel-answer");
  expect(answers).toMatchObject([
    { request: 0, result: { ok: true } },
    { request: 1, result: { ok: false, error: { errno: "EEXIST" } } },
    { request: 2, result: { ok: true } },
  ]);
  expect(keys.map(([octet]) => octet)).toEqual([0, 0, 0]);
});

test("a kernel that leaves out an answer is a bug, and the waiter is told", async () => {
  const request: Effect = {
    kind: "kernel",
    request: 5 as KernelRequestId,
    op: newState(Uint8Array.of(1)),
  };
  const seen = await run([request], { kernel: () => [] });
  expect(seen.bugs).toEqual(["the kernel has left out an answer"]);
  const answer = seen.events.find(({ kind }) => kind === "kernel-answer");
  expect(answer).toMatchObject({ request: 5, result: { ok: false, error: { errno: "EIO" } } });
});

test("a message that a bug stops does not hold back the one after it", async () => {
  const sent: number[] = [];
  const seen = await run([first, last], {
    send: (octets) => {
      if (octets[0] === 1) throw new Error("socket broke");
      sent.push(...octets);
    },
  });
  expect(sent).toEqual([2]);
  expect(seen.bugs).toEqual(["socket broke"]);
});

test("a look-up that fails because of a bug is answered: no site waits for ever", async () => {
  const lost = Promise.reject(new Error("driver broke"));
  const seen = await run([lookUp, last], { lookUp: () => lost });
  expect(seen.sent).toEqual([2]);
  expect(seen.bugs).toEqual(["driver broke"]);
  const answer = seen.events.find(({ kind }) => kind === "peer-rows");
  expect(answer).toMatchObject({ lookup: 6, result: { ok: false, error: { kind: "other" } } });
});

test("an event that ends in a bug does not hold back the one after it", async () => {
  const bugs: string[] = [];
  const seen: string[] = [];
  const concentrator = scripted((event) => {
    seen.push(event.kind);
    if (event.kind === "start") throw new Error("the engine broke");
    return [];
  });
  const shell = createShell(concentrator, { ...calm(bugs), send: () => {} });
  shell.feed({ kind: "start" });
  shell.feed({ kind: "shutdown" });
  shell.close();
  expect(seen).toEqual(["start", "shutdown"]);
  expect(bugs).toEqual(["the engine broke"]);
});

test("messages that answers cause leave together, once all of these are delivered", async () => {
  const seen: string[] = [];
  const concentrator = scripted((event) => {
    if (event.kind === "start") return [lookUp, lookUp];
    seen.push(event.kind);
    return [first];
  });
  const send = () => void seen.push("send");
  const flush = () => void seen.push("flush");
  const shell = createShell(concentrator, { ...calm([]), send, flush });
  shell.feed({ kind: "start" });
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
  shell.close();
  expect(seen).toEqual(["peer-rows", "send", "peer-rows", "send", "flush"]);
});

type Seen = { readonly sent: number[]; readonly bugs: string[]; readonly events: Event[] };

/** The result of `effects`, caused by the event `start`, in an environment with faults. */
async function run(effects: readonly Effect[], faults: Partial<Surroundings>): Promise<Seen> {
  const seen: Seen = { sent: [], bugs: [], events: [] };
  const concentrator = scripted((event) => {
    seen.events.push(event);
    return event.kind === "start" ? effects : [];
  });
  const send = (octets: Uint8Array) => void seen.sent.push(...octets);
  const shell = createShell(concentrator, { ...calm(seen.bugs), send, ...faults });
  shell.feed({ kind: "start" });
  const questions = effects.filter(({ kind }) => kind !== "send").length;
  for (let turn = 0; turn < 100 && seen.events.length <= questions; turn++) {
    await new Promise((next) => setImmediate(next));
  }
  shell.close();
  return seen;
}

function scripted(handle: Concentrator["handle"]): Concentrator {
  const unused = (): never => {
    throw new Error("not used by the shell");
  };
  return {
    ...{ handle, nextDeadline: () => undefined, hasTold: () => true, isIdle: () => true },
    ...{ snapshot: unused, preview: unused, decryptionTableLine: unused, tableSizes: unused },
    write: unused,
    changes: () => undefined,
    hasLeftBehind: () => false,
    leaveBehind: () => undefined,
    claims: unused,
    takeOver: unused,
    reread: unused,
    sitesOf: unused,
    isAdjusting: unused,
    rowVerdict: unused,
  };
}

/** An environment in which nothing goes wrong, and nothing happens. */
function calm(bugs: string[]): Omit<Surroundings, "send"> {
  return {
    now: () => 0 as Instant,
    lookUp: () => Promise.resolve(ok([])),
    resolve: () => Promise.resolve(ok([])),
    kernel: (requests) => requests.map(() => ok(undefined)),
    keyExchanger: { perform: () => undefined, close: () => {} },
    signer: { perform: () => undefined },
    journal: () => {},
    onBug: (fault) => void bugs.push(fault instanceof Error ? fault.message : String(fault)),
  };
}

function newState(key: Uint8Array): XfrmRequest {
  const none = undefined;
  return {
    op: "new-state",
    state: {
      id: { src: remote, dst: local, spi: asEspSpi(0x1001) },
      direction: "in",
      reqid: 0x45000001,
      mode: "tunnel",
      protection: { kind: "aead", aead: { name: "rfc4106(gcm(aes))", key, icvBits: 128 } },
      encapsulation: none,
      replayWindow: 32,
      esn: false,
      outerHeader: { copyDscp: true, ecn: true, pathMtuDiscovery: true },
      lifetime: {
        ...{ softSeconds: none, hardSeconds: none, softOctets: none },
        ...{ hardOctets: none, softPackets: none, hardPackets: none },
      },
      ...{ selector: none, mark: none, ifId: none },
    },
  };
}

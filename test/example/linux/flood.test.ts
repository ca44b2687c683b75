/** A flood on an IKE socket leaves the event loop its turns; what is lost is counted. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { createTurn } from "../../../src/daemon/turn.ts";
import { parseAddress } from "../../../src/inet/address.ts";
import { type IkeSocket, openIkeSocket } from "../../../src/linux/udp-socket.ts";
import { lookUntil, patient } from "../../patience.ts";

const FLOOD_MS = patient(1_500);
/** The cost of one datagram here: the flood is much faster. */
const WORK_MS = 0.05;

const loopback = parseAddress("127.0.0.1");

test(
  "timers fire while datagrams arrive faster than they can be handled",
  async () => {
    if (loopback === undefined) throw new Error("127.0.0.1");
    const turn = createTurn(() => undefined);
    let received = 0;
    let answered = 0;
    let socket: IkeSocket | undefined;
    const opened = await openIkeSocket({
      address: loopback,
      port: 0,
      natTraversal: false,
      kernelPolicies: false,
      onDatagram: (octets, remote) => {
        received++;
        expect(octets.length).toBe(200);
        const until = performance.now() + WORK_MS;
        while (performance.now() < until);
        if (received % 100 === 0 && socket?.send(octets, remote)) answered++;
        if (socket !== undefined) turn.spend(socket);
      },
    });
    if (!opened.ok) throw new Error(opened.error.detail);
    socket = opened.value;
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 10);
    const flood = Bun.spawn(
      [
        process.execPath,
        join(import.meta.dir, "flooder.ts"),
        `${socket.local.port}`,
        `${FLOOD_MS}`,
      ],
      { stdout: "pipe" },
    );
    const heard = JSON.parse(await new Response(flood.stdout).text()) as { answers: number };
    clearInterval(ticking);
    socket.close();
    // Without pauses, not one timer fires until the flood is over.
    expect(ticks).toBeGreaterThan(30);
    expect(received).toBeGreaterThan(500);
    expect(answered).toBeGreaterThan(5);
    expect(heard.answers).toBeGreaterThan(0);
  },
  patient(20_000),
);

test("a socket receives what arrived while it was paused", async () => {
  if (loopback === undefined) throw new Error("127.0.0.1");
  const { receiver, sender, arrivals } = await pair();
  receiver.pause();
  for (const octet of [1, 2, 3]) sender.send(Uint8Array.of(octet), receiver.local);
  await Bun.sleep(50);
  expect(arrivals).toEqual([]);
  receiver.resume();
  await lookUntil("all three", () => arrivals.length === 3, patient(5_000));
  expect([arrivals, receiver.lost()]).toEqual([[1, 2, 3], 0]);
  receiver.close();
  sender.close();
});

test("what finds a socket full is counted, and reported in the turn after its pause", async () => {
  const { receiver, sender, arrivals } = await pair();
  receiver.pause();
  const long = new Uint8Array(1_400);
  for (let sent = 0; sent < SENT; sent++) sender.send(long, receiver.local);
  let lost = 0;
  const turn = createTurn((datagrams) => {
    lost += datagrams;
  });
  const begun = performance.now();
  while (performance.now() < begun + 20) turn.spend(receiver);
  await lookUntil("the loss is reported", () => lost > 0, patient(5_000));
  await lookUntil("the rest is read", () => arrivals.length + lost === SENT, patient(10_000));
  expect(receiver.lost()).toBe(0);
  receiver.close();
  sender.close();
});

/** More octets than a socket of ours takes. */
const SENT = 20_000;

/** Two sockets on loopback; `arrivals`: the first octet of each datagram. */
async function pair() {
  if (loopback === undefined) throw new Error("127.0.0.1");
  const arrivals: number[] = [];
  const options = {
    address: loopback,
    port: 0,
    natTraversal: false,
    kernelPolicies: false,
  } as const;
  const receiver = await openIkeSocket({
    ...options,
    onDatagram: (octets) => arrivals.push(octets[0] ?? 0),
  });
  const sender = await openIkeSocket({ ...options, onDatagram: () => {} });
  if (!receiver.ok || !sender.ok) throw new Error("two sockets");
  return { receiver: receiver.value, sender: sender.value, arrivals };
}

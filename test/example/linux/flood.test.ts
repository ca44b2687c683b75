/** A flood on an IKE socket leaves the event loop its turns. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { createTurn } from "../../../src/daemon/turn.ts";
import { parseAddress } from "../../../src/inet/address.ts";
import { type IkeSocket, openIkeSocket } from "../../../src/linux/udp-socket.ts";
import { patient } from "../../patience.ts";

const FLOOD_MS = patient(1_500);
/** The cost of one datagram here: the flood is much faster. */
const WORK_MS = 0.05;

const loopback = parseAddress("127.0.0.1");

test(
  "timers fire while datagrams arrive faster than they can be handled",
  async () => {
    if (loopback === undefined) throw new Error("127.0.0.1");
    const turn = createTurn();
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
    expect(received).toBeGreaterThan(5_000);
    expect(answered).toBeGreaterThan(50);
    expect(heard.answers).toBeGreaterThan(0);
  },
  patient(20_000),
);

test("a socket receives what arrived while it was paused", async () => {
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
  receiver.value.pause();
  for (const octet of [1, 2, 3]) sender.value.send(Uint8Array.of(octet), receiver.value.local);
  await Bun.sleep(50);
  expect(arrivals).toEqual([]);
  receiver.value.resume();
  await Bun.sleep(50);
  expect(arrivals).toEqual([1, 2, 3]);
  receiver.value.close();
  sender.value.close();
});

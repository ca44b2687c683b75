/** A service manager with a file descriptor store, as systemd has one (man 3 sd_notify). */

import { dlopen } from "bun:ffi";
import { AF_UNIX, type Libc, SOCK_DGRAM } from "../../../src/linux/libc.ts";
import { messageHeader } from "../../../src/linux/message-header.ts";
import { unixAddress } from "../../../src/linux/notify-socket.ts";

const { symbols } = dlopen("libc.so.6", {
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
});

export type Manager = {
  /** All messages but signs of life. */
  readonly heard: readonly string[];
  /** Descriptors by name, as they would be passed on. */
  readonly store: ReadonlyMap<string, number>;
  close(): void;
};

/** It reads its socket as long as the event loop runs. */
export function openManager(libc: Libc, path: string): Manager {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
  if (libc.bind(fd, unixAddress(path) ?? new Uint8Array()) !== 0) throw new Error("bind");
  const heard: string[] = [];
  const store = new Map<string, number>();
  const read = (): void => {
    for (let got = receive(fd); got !== undefined; got = receive(fd)) {
      const { text, descriptors } = got;
      if (text === "WATCHDOG=1") continue;
      heard.push(text);
      const [, name = "stored"] = /^FDNAME=(.*)$/m.exec(text) ?? [];
      const former = store.get(name);
      const [first] = descriptors;
      if (text.includes("FDSTOREREMOVE=1") && former !== undefined) {
        libc.close(former);
        store.delete(name);
      }
      if (text.includes("FDSTORE=1") && first !== undefined) store.set(name, first);
    }
  };
  const reading = setInterval(read, 5);
  return {
    heard,
    store,
    close() {
      clearInterval(reading);
      for (const one of [fd, ...store.values()]) libc.close(one);
    },
  };
}

/** One datagram with its descriptors. */
function receive(fd: number) {
  const octets = new Uint8Array(4_096);
  const control = new Uint8Array(1_040);
  const message = messageHeader(octets, control);
  const length = Number(symbols.recvmsg(fd, message.header, 0x4000_0000)); // MSG_CMSG_CLOEXEC
  if (length < 0) return undefined;
  const [, , , , , controlLength = 0n] = new BigUint64Array(message.header.buffer);
  const numbers = new Int32Array(control.buffer);
  const count = controlLength < 16n ? 0 : ((numbers[0] ?? 0) - 16) / 4;
  return {
    text: new TextDecoder().decode(octets.subarray(0, length)),
    descriptors: [...numbers.subarray(4, 4 + count)],
  };
}

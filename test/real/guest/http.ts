/**
 * HTTP from inside a host, without a process for each request: in a guest, starting one takes
 * longer than the answer. Tests of what people use show that curl gets the same.
 */

import { dlopen } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { patient } from "../../patience.ts";
import type { Host } from "./hosts.ts";

const CLONE_NEWNET = 0x40000000;
const ANSWER_MS_MAX = patient(5_000);
const STATUS_PORT = 8080;

const libc = dlopen("libc.so.6", { setns: { args: ["i32", "i32"], returns: "i32" } });

export type Answer = { readonly status: number; readonly body: string };

/** Gets a page of the status server of a host; throws if there is none, or no answer. */
export async function getFrom(host: Host, path: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`${path}: no answer`)), ANSWER_MS_MAX);
  const parts: Uint8Array[] = [];
  const request = `GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:${STATUS_PORT}\r\n\r\n`;
  const connecting = inNamespace(host, () =>
    Bun.connect({
      hostname: "127.0.0.1",
      port: STATUS_PORT,
      socket: {
        open: (socket) => void socket.write(request),
        data: (_, octets) => void parts.push(octets.slice()),
        close: () => resolve(Buffer.concat(parts).toString()),
        connectError: (_, error) => reject(error),
        error: (_, error) => reject(error),
      },
    }),
  );
  connecting.catch(reject);
  try {
    return parsed(path, await promise);
  } finally {
    clearTimeout(timer);
    void connecting.then((socket) => socket.end()).catch(() => {});
  }
}

/** Sockets that are opened in the meantime belong to the host; nothing may wait here. */
function inNamespace<T>(host: Host, make: () => T): T {
  const own = openSync("/proc/thread-self/ns/net", "r");
  const theirs = openSync(`/run/netns/${host.name}`, "r");
  try {
    enter(theirs);
    return make();
  } finally {
    enter(own);
    closeSync(own);
    closeSync(theirs);
  }
}

function enter(namespace: number): void {
  if (libc.symbols.setns(namespace, CLONE_NEWNET) !== 0) throw new Error("setns failed");
}

function parsed(path: string, text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
  if (end < 0 || Number.isNaN(status) || Buffer.byteLength(body) !== length) {
    throw new Error(`${path}: no whole answer: ${text.slice(0, 200)}`);
  }
  return { status, body };
}

/** The status server over its socket: what only raw requests show. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { createStatusApp } from "../../../src/status/app.ts";
import { type StatusServer, serveStatus } from "../../../src/status/server.ts";
import { patient } from "../../patience.ts";
import { sampleSource } from "./sample.ts";

const LOOPBACK = { token: undefined, host: "127.0.0.1" };
const app = createStatusApp(sampleSource({ sites: 3 }), LOOPBACK);
let server: StatusServer;
let port: number;

beforeAll(() => {
  const served = serveStatus(app, { host: "127.0.0.1", port: 0 });
  if (!served.ok) throw new Error(served.error.detail);
  server = served.value;
  port = Number(new URL(server.url).port);
});

afterAll(() => server.stop());

/** Sends these characters; returns all that the server sends until it is quiet for a while. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.setTimeout(patient(300), () => socket.destroy());
    socket.on("data", (octets) => {
      answer += octets.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

test("a load balancer's HTTP/1.0 request without Host is answered", async () => {
  expect(await raw("GET /healthz HTTP/1.0\r\n\r\n")).toContain('{"status":"ok"}');
  expect(await raw("GET /api/v1/status HTTP/1.0\r\n\r\n")).toStartWith("HTTP/1.1 200");
});

test("requests that come in one piece are answered one by one", async () => {
  const answer = await raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(20));
  expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(20);
});

test("what is not HTTP is refused, and the next request is served", async () => {
  const broken = [
    "\x00\x01\x02\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
  ];
  for (const request of broken) {
    expect(await raw(request)).toStartWith("HTTP/1.1 400");
  }
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("half a request keeps no other client waiting", async () => {
  const slow = Array.from({ length: 100 }, () =>
    connect(port, "127.0.0.1", function (this: ReturnType<typeof connect>) {
      this.write("GET /healthz HTTP/1.1\r\nHost:");
    }),
  );
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  for (const socket of slow) socket.destroy();
});

test("HEAD says how long the answer to GET is, and ends there", async () => {
  const length = (await (await fetch(`${server.url}/status/style.css`)).arrayBuffer()).byteLength;
  const answer = await raw("HEAD /status/style.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  expect(answer.toLowerCase()).toContain(`content-length: ${length}\r\n`);
  expect(answer).toEndWith("\r\n\r\n");
});

test("headers and bodies that are far too large are refused, by server or runtime", async () => {
  const head = "Host: 127.0.0.1\r\nConnection: close\r\n";
  const get = (headers: string) => raw(`GET /healthz HTTP/1.1\r\n${head}${headers}\r\n`);
  expect(await get(`X-Long: ${"x".repeat(9_000)}\r\n`)).toStartWith("HTTP/1.1 431");
  expect(await get(`X-Long: ${"x".repeat(40_000)}\r\n`)).toStartWith("HTTP/1.1 431");
  expect(await get("Content-Length: 9000\r\n")).toStartWith("HTTP/1.1 413");
  expect(await get("Content-Length: 9000000\r\n")).toStartWith("HTTP/1.1 413");
});

test("the URL names the port chosen for port 0; after stop it does not answer", async () => {
  const served = serveStatus(app, { host: "127.0.0.1", port: 0 });
  if (!served.ok) throw new Error(served.error.detail);
  expect(served.value.url).toBe(`http://127.0.0.1:${served.value.port}`);
  await served.value.stop();
  await expect(fetch(`${served.value.url}/healthz`)).rejects.toThrow();
});

test("a port in use is reported with what to do", () => {
  const second = serveStatus(app, { host: "127.0.0.1", port });
  expect(second.ok ? "" : second.error.detail).toBe(
    `status.listen 127.0.0.1:${port}: EADDRINUSE: another program has this port, ` +
      'maybe another erouted: choose another, or "off"',
  );
});

test("a browser is told what is wrong in words, and a hostile path stays text", async () => {
  const headers = { accept: "text/html" };
  const answer = await app.request("/status/ipsec/dynamic-tunnels?page=x", { headers });
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain("page must be a whole number");
  const hostile = await app.request("/<script>alert(1)</script>", { headers });
  expect(await hostile.text()).not.toContain("<script>");
});

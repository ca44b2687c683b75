/** The status server over TLS: requests by curl, certificates made by openssl. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStatusApp } from "../../../src/status/app.ts";
import { serveStatus } from "../../../src/status/server.ts";
import { type Tls, tlsFault } from "../../../src/status/tls.ts";
import { runWith } from "../cli/terminal.ts";
import { sampleSource } from "./sample.ts";

let folder: string;
let first: Tls;
let second: Tls;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "erouted-tls-"));
  first = certificate("first");
  second = certificate("second");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A self-signed certificate for 127.0.0.1, whose organisation is `name`. */
function certificate(name: string, days = 2): Tls {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch";
  const rest = ["-days", String(days), "-subj", `/O=${name}/CN=127.0.0.1`, "-out", cert];
  const names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key];
  const made = Bun.spawnSync(["openssl", ...words.split(" "), ...rest, ...names]);
  if (!made.success) throw new Error(made.stderr.toString());
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

async function curl(url: string, ...options: string[]): Promise<string> {
  const child = Bun.spawn(["curl", "-sS", "-m", "5", ...options, url], { stderr: "pipe" });
  const out = await new Response(child.stdout).text();
  return out + (await new Response(child.stderr).text());
}

test("curl that trusts the certificate is answered; a renewed one is used at once", async () => {
  const settings = { token: undefined, host: "127.0.0.1", isSecure: true };
  const app = createStatusApp(sampleSource({ sites: 1 }), settings);
  const served = serveStatus(app, { host: "127.0.0.1", port: 0, tls: first });
  if (!served.ok) throw new Error(served.error.detail);
  const { url } = served.value;
  expect(url).toStartWith("https://127.0.0.1:");
  const known = ["--cacert", join(folder, "first.pem")];
  expect(await curl(`${url}/healthz`, ...known)).toBe('{"status":"ok"}');
  expect(await curl(`${url}/healthz`)).toContain("certificate");

  // Renewed: the same port, the other certificate, from the next connection on.
  expect(served.value.useTls(second)).toBeUndefined();
  expect(served.value.url).toBe(url);
  expect(await curl(`${url}/healthz`, ...known)).toContain("certificate");
  const renewed = ["--cacert", pemOf("second")];
  expect(await curl(`${url}/healthz`, ...renewed)).toBe('{"status":"ok"}');
  await served.value.stop();
});

test("an unusable certificate is reported before it is used", () => {
  const now = Date.now();
  expect(tlsFault(first, now)).toBeUndefined();
  expect(tlsFault({ cert: first.cert, key: second.key }, now)).toContain("is not the key");
  expect(tlsFault({ ...first, cert: "nothing" }, now)).toContain("holds no certificate");
  expect(tlsFault({ ...first, key: "nothing" }, now)).toContain("holds no private key");
  expect(tlsFault(first, now + 3 * 86_400_000)).toContain("was valid until");
});

test("the command line says why it refuses a server, and trusts --ca-file", async () => {
  const settings = { token: undefined, host: "127.0.0.1", isSecure: true };
  const app = createStatusApp(sampleSource({ sites: 1 }), settings);
  const served = serveStatus(app, { host: "127.0.0.1", port: 0, tls: first });
  if (!served.ok) throw new Error(served.error.detail);
  const { url } = served.value;
  const status = (at: string, ...more: readonly string[]) =>
    runWith(["status", "--url", at, ...more]);
  expect((await status(url)).err).toContain("--ca-file names what to trust");
  const other = await status(url, "--ca-file", join(folder, "second.pem"));
  expect([other.code, other.err]).toEqual([1, expect.stringContaining("is not trusted")]);
  const trusted = await status(url, "--ca-file", join(folder, "first.pem"));
  expect([trusted.code, trusted.err]).toEqual([0, ""]);
  const named = await status(url.replace("127.0.0.1", "localhost"), "--ca-file", pemOf("first"));
  expect(named.err).toContain("for another name");
  expect((await status(url.replace("https", "http"))).err).toContain("does it speak https");
  expect((await status(url, "--ca-file", pemOf("none"))).err).toContain("no such file");
  await served.value.stop();
});

const pemOf = (name: string) => join(folder, `${name}.pem`);

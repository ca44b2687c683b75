/** TLS to a real MariaDB: the server's certificate counts, not its claims. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MysqlSettings } from "../../src/eroute/database.ts";
import type { LookupFault } from "../../src/eroute/row.ts";
import type { Result } from "../../src/octets/result.ts";
import { openPeers } from "../../src/peers/open.ts";
import { opened } from "../contract/peers-ground.ts";
import { patient } from "../patience.ts";
import { MARIADB_USER, type Mariadb, mariadbSettings, startMariadb } from "./mariadb.ts";

const folder = mkdtempSync(join(tmpdir(), "erouted-tls-"));
let byName: Mariadb;
let byAddress: Mariadb;
let plain: Mariadb;

beforeAll(async () => {
  makeCa("ca");
  makeCa("other-ca");
  makeCertificate("named", "DNS:localhost");
  makeCertificate("addressed", "IP:127.0.0.1");
  makeCertificate("client", "DNS:erouted");
  makeCertificate("stranger", "DNS:erouted", "other-ca");
  byName = await startMariadb({ tcp: true, tls: { ...files("named"), ca: path("ca.crt") } });
  byAddress = await startMariadb({ tcp: true, tls: files("addressed") });
  plain = await startMariadb({ tcp: true });
  await byName.sql("alter user 'erouted'@'%' require ssl");
}, patient(60_000));

afterAll(async () => {
  for (const server of [byName, byAddress, plain]) await server?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test("a certificate of the given CA and name is accepted", async () => {
  expect(await init(byName, "localhost", verify("ca"))).toMatchObject({ ok: true });
});

test("a certificate for the given address is accepted", async () => {
  expect(await init(byAddress, "127.0.0.1", verify("ca"))).toMatchObject({ ok: true });
});

test("a certificate of another CA is refused", async () => {
  expectTlsFault(await init(byName, "localhost", verify("other-ca")));
});

test("a certificate from a CA that the system does not know is refused", async () => {
  expectTlsFault(await init(byName, "localhost", { mode: "verify", caPem: undefined }));
});

test("a certificate of the right CA for another host is refused", async () => {
  expectTlsFault(await init(byAddress, "localhost", verify("ca")));
});

test("a certificate of the right CA without the address that was called is refused", async () => {
  expectTlsFault(await init(byName, "127.0.0.1", verify("ca")));
});

test("a server without TLS is refused if TLS is asked for, whatever the mode", async () => {
  for (const tls of [verify("ca"), { mode: "encrypt-only" } as const]) {
    const answer = await init(plain, "127.0.0.1", tls);
    expectTlsFault(answer);
  }
});

test("encrypt-only encrypts, and accepts any certificate", async () => {
  expect(await init(byName, "127.0.0.1", { mode: "encrypt-only" })).toMatchObject({ ok: true });
});

test("a server that demands TLS refuses a plain connection", async () => {
  const answer = await init(byName, "127.0.0.1", { mode: "off" });
  expect(answer).toMatchObject({ error: { kind: "access-denied" } });
});

test("an account with REQUIRE X509 accepts our certificate, and nothing less", async () => {
  await byName.sql(
    "create user 'x509'@'%' identified by 'knock knock' require x509",
    "grant all on vpn.* to 'x509'@'%'",
  );
  const ask = async (client: string | undefined) => {
    const proof = client === undefined ? {} : { client: clientOf(client) };
    const tls = { mode: "verify", caPem: pem("ca.crt"), ...proof } as const;
    return await init(byName, "localhost", tls, "x509");
  };
  expect(await ask("client")).toMatchObject({ ok: true });
  const without = await ask(undefined);
  expect(without).toMatchObject({ error: { kind: "access-denied" } });
  expect(JSON.stringify(without)).toContain("REQUIRE X509: tls_cert_file");
  expect(await ask("stranger")).toMatchObject({ ok: false });
});

test("encrypt-only presents our certificate as well", async () => {
  const tls = { mode: "encrypt-only", client: clientOf("client") } as const;
  expect(await init(byName, "127.0.0.1", tls, "x509")).toMatchObject({ ok: true });
});

test("a certificate and a key that do not belong together are refused at opening", () => {
  const client = { certPem: pem("client.crt"), keyPem: pem("named.key") };
  const tls = { mode: "verify", caPem: undefined, client } as const;
  const result = openPeers(mariadbSettings(plain, { tls }));
  expect(result).toMatchObject({ ok: false });
  expect(JSON.stringify(result)).toContain("do not belong together");
  expect(JSON.stringify(result)).not.toContain("PRIVATE KEY");
});

test("a login method that the driver lacks is named, with what to do", async () => {
  await plain.sql(
    "install soname 'auth_ed25519'",
    "create user 'ed'@'%' identified via ed25519 using password('secret')",
    "create user 'sock'@'%' identified via unix_socket",
    "create user 'old'@'%' identified via mysql_old_password using '6f8c114b58f2ce9e'",
  );
  for (const [user, says] of [
    [
      "ed",
      "logs in by ed25519, which erouted does not support (client_ed25519): give it a password",
    ],
    ["sock", "logs in by unix_socket or auth_socket"],
    ["old", "IDENTIFIED VIA mysql_native_password"],
  ] as const) {
    const answer = await init(plain, "127.0.0.1", { mode: "off" }, user);
    expect(answer).toMatchObject({ error: { kind: "access-denied" } });
    expect(JSON.stringify(answer)).toContain(says);
    expect(JSON.stringify(answer)).not.toContain(MARIADB_USER.password);
  }
});

test("a CA file that holds no certificate is refused at opening", () => {
  const settings = mariadbSettings(plain, { tls: { mode: "verify", caPem: "no PEM" } });
  const result = openPeers(settings);
  expect(result).toMatchObject({ ok: false });
  expect(JSON.stringify(result)).toContain("no PEM certificate");
});

async function init(
  server: Mariadb,
  host: string,
  tls: MysqlSettings["tls"],
  user: string = MARIADB_USER.name,
): Promise<Result<unknown, LookupFault>> {
  const at = { host, port: server.port };
  const peers = opened(mariadbSettings(server, { at, tls, user, deadlineMs: 3000 }));
  const answer = await peers.init();
  await peers.close();
  return answer;
}

function expectTlsFault(answer: Result<unknown, LookupFault>): void {
  expect(answer).toMatchObject({ ok: false, error: { kind: "unreachable" } });
  expect(JSON.stringify(answer)).toMatch(/TLS|certificate/i);
  expect(JSON.stringify(answer)).not.toContain(MARIADB_USER.password);
}

function verify(ca: string): MysqlSettings["tls"] {
  return { mode: "verify", caPem: readFileSync(join(folder, `${ca}.crt`), "utf8") };
}

function clientOf(name: string): { readonly certPem: string; readonly keyPem: string } {
  return { certPem: pem(`${name}.crt`), keyPem: pem(`${name}.key`) };
}

function pem(file: string): string {
  return readFileSync(path(file), "utf8");
}

function path(file: string): string {
  return join(folder, file);
}

function files(name: string): { readonly cert: string; readonly key: string } {
  return { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}

function makeCa(name: string): void {
  openssl("req", "-x509", ...newKey(name), "-out", `${name}.crt`, "-subj", `/CN=${name}`);
}

function makeCertificate(name: string, alternative: string, ca = "ca"): void {
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${alternative}\n`);
  openssl("req", ...newKey(name), "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  const signing = ["-CA", `${ca}.crt`, "-CAkey", `${ca}.key`, "-CAcreateserial"];
  const names = ["-in", `${name}.csr`, "-out", `${name}.crt`, "-extfile", `${name}.ext`];
  openssl("x509", "-req", ...signing, ...names, "-days", "2");
}

function newKey(name: string): string[] {
  return [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    `${name}.key`,
  ];
}

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
}

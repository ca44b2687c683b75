/** Certificates in a configuration: what is read, and what may be wrong with the files. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readText } from "../../../src/cli/configuration.ts";
import { readConfig } from "../../../src/config/config.ts";
import { createPki } from "../../real/pki.ts";
import { FLEET } from "./read.ts";

const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), "erouted-auth-"));
const pki = createPki(folder);
const ca = pki.issue({ name: "ca", subject: "/CN=Fleet CA", isCa: true, days: 900 });
const ours = pki.issue({ name: "ours", issuer: ca, altNames: "DNS:vpn.example" });
const other = pki.issue({ name: "other", issuer: ca });

afterAll(() => rmSync(folder, { recursive: true }));

/** The base eroute with these additional lines. */
function read(lines: string, atMs = Date.now()) {
  const files = { readSecret: readText, env: () => undefined, wallMs: () => atMs };
  return readConfig(`${FLEET}${lines}`, files, "erouted.toml");
}

function told(lines: string): readonly string[] {
  const result = read(lines);
  return result.ok ? [] : result.error.map(({ path, what }) => `${path} ${what}`);
}

function warned(lines: string, atMs?: number): readonly string[] {
  const result = read(lines, atMs);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.warnings.map(({ path, what }) => `${path} ${what}`);
}

const OWN = `certificate_file = "${ours.certificateFile}"\nprivate_key_file = "${ours.keyFile}"\n`;
const CA = `ca_file = "${ca.certificateFile}"\n`;

test("without certificates both ends have pre-shared keys", () => {
  const result = read("");
  expect(result.ok && result.value.plan.eroutes[0]?.auth).toEqual({
    own: { kind: "psk" },
    peer: { kind: "psk" },
  });
});

test("V2-51: each end has its own method; ca_file alone means certificates", () => {
  const auth = (lines: string) => {
    const result = read(lines);
    const found = result.ok ? result.value.plan.eroutes[0]?.auth : undefined;
    return [found?.own.kind, found?.peer.kind];
  };
  expect(auth(CA)).toEqual(["psk", "certificate"]);
  expect(auth(`${CA}peer_auth = "either"`)).toEqual(["psk", "either"]);
  expect(auth(OWN)).toEqual(["signature", "psk"]);
  expect(auth(OWN + CA)).toEqual(["signature", "certificate"]);
});

test("halves that lack the other half", () => {
  expect(told(`certificate_file = "${ours.certificateFile}"`)).toEqual([
    "eroute[0].certificate_file needs the other half",
  ]);
  expect(told(`private_key_file = "${ours.keyFile}"`)).toEqual([
    "eroute[0].private_key_file needs the other half",
  ]);
  expect(told('peer_auth = "certificate"')).toEqual([
    'eroute[0].peer_auth is "certificate", but no authority is trusted',
  ]);
  expect(warned(`${CA}peer_auth = "psk"`)).toEqual([
    'eroute[0].ca_file is set, but peer_auth is "psk": no certificate is accepted',
  ]);
});

test("files that cannot be read, are not PEM, or do not match", () => {
  const file = join(folder, "none.pem");
  expect(told(`ca_file = "${file}"`)).toEqual([
    `eroute[0].ca_file is "${file}": there is no such file`,
  ]);
  writeFileSync(file, "no certificate");
  expect(told(`ca_file = "${file}"`).join()).toContain("no PEM certificate is in it");
  expect(told(OWN.replace(ours.keyFile, file)).join()).toContain("no PEM private key is in it");
  expect(told(OWN.replace(ours.keyFile, other.keyFile)).join()).toContain(
    "not the key of the first certificate",
  );
  expect(told(`ca_file = "${ours.certificateFile}"`).join()).toContain("is not an authority");
});

test("expired, not valid yet, or about to expire: a warning, and it still starts", () => {
  const soon = /certificate of CN=ours expires in 2\d days/;
  expect(warned(OWN)).toEqual([]);
  expect(warned(OWN, Date.now() + 75 * DAY_MS).join()).toMatch(soon);
  expect(warned(OWN, Date.now() + 101 * DAY_MS).join()).toContain("has expired");
  expect(warned(CA, Date.now() - DAY_MS).join()).toContain(
    "certificate of CN=Fleet CA is not valid before",
  );
});

test("ourid has to be in our certificate: a name, an address, or the subject", () => {
  expect(told(`${OWN}ourid = "vpn.example"`)).toEqual([]);
  expect(told(`${OWN}ourid = "CN=ours"`)).toEqual([]);
  expect(told(`${OWN}ourid = "else.example"`)).toEqual([
    'eroute[0].ourid is "else.example", which our certificate does not name',
  ]);
});

test("a normal eroute with certificates needs no user; always called, it needs one site", () => {
  const normal = (peerid: string, more = "") => `${OWN}${CA}
[[eroute]]
name = "lab"
peerid = "${peerid}"
peerip = "192.0.2.9"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
${OWN}${CA}${more}`;
  expect(warned(normal("lab-gw", 'start = "always"'))).toEqual([]);
  expect(told(normal("lab-*", 'start = "always"'))).toEqual([
    'eroute[1].peerid is "lab-*", but start is "always": it names no site to call',
  ]);
});

test("IKEv1: ends that cannot authenticate with it are warned of, and no others", () => {
  const key = { name: "rsa", key: "rsa", issuer: ca, altNames: "DNS:vpn.example" } as const;
  const { certificateFile, keyFile } = pki.issue(key);
  const RSA = `certificate_file = "${certificateFile}"\nprivate_key_file = "${keyFile}"\n`;
  const either = `${CA}peer_auth = "either"\n`;
  const seen = (lines: string) =>
    warned(`ike_version = "both"\nikev1_mode = "main"\n${lines}`).flatMap(
      (one) => /with which no site connects: (.*)/.exec(one)?.[1] ?? [],
    );
  for (const right of ["", either, RSA + CA, RSA + either]) expect(seen(right)).toEqual([]);
  const one = ": it has one method for both ends";
  expect(seen(CA)).toEqual([`sites have certificates, and we have none${one}`]);
  expect(seen(RSA)).toEqual([`we have a certificate, and sites have none${one}`]);
  expect(seen(OWN + CA)).toEqual(["signatures need an RSA key, and ours is ecdsa-p256"]);
  expect(seen(`${RSA}${CA}xauth = true\n`)).toEqual([expect.stringContaining("(XAUTH)")]);
  const aggressive = warned(`ike_version = "v1"\nikev1_mode = "aggressive"\n${RSA}${CA}`);
  expect(aggressive.join()).toContain("certificates need Main Mode");
  // No key is used, so that there is nothing to try keys on.
  expect(warned(`ike_version = "v1"\n${RSA}${either}`).join()).not.toContain("hash to try keys on");
  expect(warned(OWN + CA).join()).not.toContain("IKEv1");
});

test("a pattern of subjects has one blank after each comma", () => {
  const fleet = FLEET.replace("site-*", "C=CH,O=Fleet,CN=site-*");
  const files = { readSecret: readText, env: () => undefined, wallMs: () => Date.now() };
  const result = readConfig(fleet, files, "erouted.toml");
  expect(result.ok && result.value.warnings[0]?.expected).toBe('"C=CH, O=Fleet, CN=site-*"');
});

/** Certificates with strongSwan, in both roles, and what is refused (RFC 7427). */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { createPki, type Issued, type Pki, type PkiKey } from "../pki.ts";
import { type ErouteSeen, erouteViews } from "./agreement.ts";
import { untilFailure } from "./events.ts";
import { until } from "./hosts.ts";
import { CONCENTRATOR, type Site } from "./laboratory.ts";
import { type LibreswanSettings, startLibreswan } from "./libreswan.ts";
import {
  bringUp,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  siteSettings,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan, StrongSwanSettings } from "./strongswan.ts";
import { isAnswered, startPinging } from "./wire.ts";

const FOLDER = "/run/pki";
const OURS = `${FOLDER}/ours`;
const BRANCH = "C=CH, O=Fleet, CN=branch-1";

let pki: Pki;
let authority: Issued;
let scenario: Scenario;
/** It calls, with a different certificate in each test. */
let one: Site;
let swan: StrongSwan;
/** It is called. */
let two: Site;

beforeAll(async () => {
  pki = createPki(FOLDER);
  authority = pki.issue({
    name: "ca",
    subject: "/C=CH/O=Fleet/CN=Fleet CA",
    isCa: true,
    days: 900,
  });
  await useOwn("rsa");
  scenario = await startScenario({
    sites: [withoutPassword(1), { ...withoutPassword(2), peerip: "192.0.2.12" }, rowOf(3)],
    egroup: 'remote_mask = "255.255.255.0"',
    status: 'operate_token_file = "/run/erouted/operate.token"',
    eroute: `
peer_auth = "either"
ca_file = "${authority.certificateFile}"
certificate_file = "${OURS}.pem"
private_key_file = "${OURS}.key"
`,
    // We authenticate with the pre-shared key, the site with its certificate; its ID is its
    // subject.
    more: `
[[eroute]]
name = "branches"
peerid = "C=CH, O=Fleet, CN=branch-*"
ourid = "concentrator.example"
ca_file = "${authority.certificateFile}"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.1.0/24"
[[user]]
name = "${BRANCH}"
password_file = "/run/erouted/branch.secret"
`,
    files: { "branch.secret": pskOf(7), "operate.token": "an-operators-token" },
  });
  one = await scenario.laboratory.addSite(1);
  two = await scenario.laboratory.addSite(2);
  swan = await startSite(one);
});

afterAll(async () => {
  await swan.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("V2-51: a site with a p256 certificate connects, and accepts our RSASSA-PSS", async () => {
  await swan.change(certified(siteCertificate("p256")));
  await bringUp(scenario, swan);
  await pingBothWays(scenario, one);
  expect(await provedWith(swan)).toBe("RSA_EMSA_PSS_SHA2_256_SALT_32");
});

test("V2-51: a site that signs with RSASSA-PSS; the log says how it authenticated", async () => {
  const own = siteCertificate("rsa");
  const local = `auth = rsa-2048-pss-sha256\n certs = ${own.certificateFile}`;
  await swan.change(certified(own, { local }));
  await bringUp(scenario, swan);
  const why = await scenario.erouted.command("why", "site-1");
  expect(why.out).toMatch(/certificate of CN=site-1, valid until \d{4}-\d\d-\d\d/);
});

test("an intermediate authority: the site sends it, in fragments", async () => {
  const between = pki.issue({
    ...{ name: "between", subject: "/CN=Between", key: "rsa", isCa: true, pathLength: 0 },
    issuer: authority,
  });
  const own = siteCertificate("rsa", { issuer: between });
  const before = await fragmentsReceived();
  await swan.change(certified(own, {}, [between]));
  await bringUp(scenario, swan);
  await pingBothWays(scenario, one);
  expect(await fragmentsReceived()).toBeGreaterThan(before);
});

test("V2-51: the site by pre-shared key, we by certificate", async () => {
  const { certificates } = certified(undefined);
  const remote = "auth = pubkey";
  const changes = { localId: "site-3", psk: pskOf(3), localSubnet: "192.168.3.0/24" };
  await swan.change(
    siteSettings(one, { ...changes, remote, ...(certificates && { certificates }) }),
  );
  await bringUp(scenario, swan);
  expect(await swan.log()).toMatch(/authentication of 'site-3' \(myself\) with pre-shared key/);
});

test("V2-51: the site by certificate, we by pre-shared key; its ID is its subject", async () => {
  const own = pki.issue({
    name: "branch-1",
    subject: "/C=CH/O=Fleet/CN=branch-1",
    issuer: authority,
  });
  const remote = "auth = psk";
  const ids = { localId: `"${BRANCH}"`, psk: pskOf(7) };
  await swan.change(certified(own, { remote, ...ids }));
  await bringUp(scenario, swan);
  await pingBothWays(scenario, one);
});

test("expired, from another authority, another site's, disabled: all with reasons", async () => {
  const why = async (changes: StrongSwanSettings, reason: string) => {
    await swan.change(changes);
    expect(await swan.initiate()).toBe(false);
    await untilFailure(scenario.erouted, "site-1", reason);
    const said = await scenario.erouted.command("why", "site-1");
    expect(said.status).toBe(4);
    return said.out;
  };
  const expired = await why(
    certified(siteCertificate("p256", { days: -1 })),
    "certificate-expired",
  );
  expect(expired).toContain("has expired: valid until");
  const stranger = pki.issue({ name: "stranger", subject: "/CN=Somebody", isCa: true });
  const foreign = siteCertificate("p256", { issuer: stranger });
  const unknown = await why(certified(foreign, {}, [stranger]), "issuer-unknown");
  expect(unknown).toMatch(/CN=Somebody +C=CH, O=Fleet, CN=Fleet CA/);
  const other = siteCertificate("p256", { altNames: "DNS:site-99" });
  const changes = { localId: "@site-1" };
  const wrongId = await why(certified(other, changes), "id-not-in-certificate");
  expect(wrongId).toContain(
    "the site calls itself site-1; its certificate is of CN=site-1; site-99",
  );
  const right = certified(siteCertificate("p256"));
  await scenario.erouted.sql("UPDATE eroutes SET disabled = 1 WHERE peerid = 'site-1'");
  await why(right, "row-disabled");
  await scenario.erouted.sql("UPDATE eroutes SET disabled = 0 WHERE peerid = 'site-1'");
  await bringUp(scenario, swan);
});

for (const [key, authby] of [
  ["rsa", "rsa-sha2"],
  ["p256", "ecdsa"],
] as const) {
  test(`V2-51: libreswan and we with ${key} certificates: it calls`, async () => {
    await useOwn(key);
    await reload(key);
    const own = pki.issue({ name: "site-2", key, issuer: authority, altNames: "DNS:site-2" });
    const peer = await startLibreswan(two.host, {
      ...libreswanTwo(own, authby),
      ...{ ike: "aes128-sha2_256-dh31", esp: "aes_gcm128" },
    });
    if (!(await peer.initiate())) throw new Error(await peer.log());
    await pingBothWays(scenario, two);
    await peer.terminate();
    await peer.stop();
  });
}

test("R12: we call, with keys from a reload: RSA PKCS #1 v1.5, then Ed25519", async () => {
  const { erouted, laboratory } = scenario;
  let called: StrongSwan | undefined;
  for (const [key, proof] of [
    ["rsa", "RSA_EMSA_PKCS1_SHA2_256"],
    ["ed25519", "ED25519"],
  ] as const) {
    await useOwn(key);
    await erouted.configure((text) => text.replace("ca_file", 'rsa_signature = "pkcs1"\nca_file'));
    await reload(key);
    const own = pki.issue({ name: "site-2", key, issuer: authority, altNames: "DNS:site-2" });
    if (called === undefined) called = await startSite(two, certified(own));
    else await called.change(certified(own));
    await until("a ping comes through", () => isAnswered(laboratory.office, two.inner.v4));
    await pingBothWays(scenario, two);
    expect(await provedWith(called)).toBe(proof);
    await erouted.configure((text) => text.replace('rsa_signature = "pkcs1"\n', ""));
  }
  await called?.stop();
});

test("R12: with IKEv1 and certificates we call strongSwan, then libreswan", async () => {
  const { erouted, laboratory } = scenario;
  await useOwn("rsa");
  await erouted.configure((text) => text.replace("ca_file", 'ike_version = "v1"\nca_file'));
  await reload("rsa");
  const own = pki.issue({
    ...{ name: "site-2", key: "rsa", issuer: authority, altNames: "DNS:site-2" },
  });
  const algorithms = { ike: "aes256-sha256-ecp256", esp: "aes256-sha256" };
  const swanSettings = certified(own, { version: 1, ...algorithms });
  const software = {
    strongSwan: () => startSite(two, swanSettings),
    libreswan: () => startLibreswan(two.host, { ...libreswanTwo(own, "rsasig"), version: 1 }),
  };
  for (const startPeer of Object.values(software)) {
    const peer = await startPeer();
    const isThere = () => isAnswered(laboratory.office, two.inner.v4);
    await until("a ping comes through", isThere).catch(async (cause) => {
      throw new Error(`${await peer.log()}\nerouted:\n${await erouted.log()}`, { cause });
    });
    await pingBothWays(scenario, two);
    const before = await viewOfTwo();
    expect(before).toMatchObject({ ike_sa: { role: "initiator", version: 1 } });
    const why = await erouted.command("why", "site-2");
    expect(why.out).toMatch(/certificate of CN=site-2, valid until \d{4}-\d\d-\d\d/);
    // Phase 1 anew, by the end that began it: the Child SA goes over.
    const pings = await startPinging(laboratory.office, two.inner.v4);
    expect((await erouted.command("rekey", "site-2", "--ike")).status).toBe(0);
    const isAnew = async () => (await viewOfTwo())?.ike_sa?.spi_i !== before?.ike_sa?.spi_i;
    await until("Phase 1 is begun anew", isAnew).catch(async (cause) => {
      throw new Error(`${await peer.log()}\nerouted:\n${await erouted.log()}`, { cause });
    });
    await pingBothWays(scenario, two);
    expect((await pings.stop()).lost).toEqual([]);
    await peer.stop();
    await until("the site is gone", async () => (await viewOfTwo()) === undefined);
  }
  await erouted.configure((text) => text.replace('ike_version = "v1"\n', ""));
});

async function viewOfTwo(): Promise<ErouteSeen | undefined> {
  return (await erouteViews(scenario)).find(({ peer_id }) => peer_id === "site-2");
}

/** A libreswan as site 2. */
function libreswanTwo(
  own: Issued,
  authby: NonNullable<LibreswanSettings["certificates"]>["authby"],
): LibreswanSettings {
  return {
    ...{ localId: "site-2", remoteId: "concentrator.example", psk: "" },
    ...{ localAddress: two.address.v4, remoteAddress: CONCENTRATOR.v4 },
    ...{ ike: "aes256-sha2_256-dh19", esp: "aes256-sha2_256" },
    ...{ localSubnet: two.subnet.v4, remoteSubnet: "10.0.0.0/16" },
    certificates: { own, authority, authby },
  };
}

/** The algorithm of our last signature, as the site saw it. */
async function provedWith(site: StrongSwan): Promise<string | undefined> {
  const found = (await site.log()).matchAll(
    /authentication of 'concentrator\.example' with (\S+) successful/g,
  );
  return [...found].at(-1)?.[1];
}

/** Sends SIGHUP, and waits until the new configuration is in force. */
async function reload(key: PkiKey): Promise<void> {
  const reloads = async () => (await scenario.erouted.log()).split(" reloaded: ").length;
  const before = await reloads();
  process.kill(scenario.erouted.pid, "SIGHUP");
  await until(`a reload with ${key}`, async () => (await reloads()) > before);
}

/** What certificate_file and private_key_file contain from now on. */
async function useOwn(key: PkiKey): Promise<void> {
  const altNames = "DNS:concentrator.example";
  const issued = pki.issue({ name: "concentrator", key, issuer: authority, altNames });
  await copyFile(issued.certificateFile, `${OURS}.pem`);
  await copyFile(issued.keyFile, `${OURS}.key`);
}

function siteCertificate(key: PkiKey, more: Partial<Parameters<Pki["issue"]>[0]> = {}): Issued {
  return pki.issue({ name: "site-1", key, issuer: authority, altNames: "DNS:site-1", ...more });
}

function withoutPassword(number: number) {
  const { password: _, ...row } = rowOf(number);
  return row;
}

async function fragmentsReceived(): Promise<number> {
  const metrics = await scenario.erouted.get("/metrics");
  return Number(/^erouted_fragments_received_total (\d+)/m.exec(metrics)?.[1] ?? 0);
}

/** A strongSwan that authenticates with this certificate, and requires ours. */
function certified(
  own: Issued | undefined,
  changes: Partial<StrongSwanSettings> = {},
  between: readonly Issued[] = [],
): StrongSwanSettings {
  const site = own?.name === "site-2" ? two : one;
  return siteSettings(site, {
    certificates: { own, authorities: [authority], between },
    local: own === undefined ? "auth = psk" : `auth = pubkey\n certs = ${own.certificateFile}`,
    remote: "auth = pubkey",
    ...changes,
  });
}

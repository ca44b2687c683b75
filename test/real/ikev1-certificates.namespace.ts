/** See ikev1-certificates.test.ts: sites call, and are called, in Main Mode with certificates. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type Erouted, OUR_ID, startErouted } from "./guest/erouted.ts";
import { addHost, configure, type Host, until } from "./guest/hosts.ts";
import { type LibreswanSettings, startLibreswan } from "./guest/libreswan.ts";
import { type StrongSwan, type StrongSwanSettings, startStrongSwan } from "./guest/strongswan.ts";
import { createPki, type Issued, type Pki } from "./pki.ts";

const [OURS, THEIRS] = ["192.0.2.1", "192.0.2.2"];

/** Their names do not fit into 4,096 octets. */
const AUTHORITIES = 40;

let pki: Pki;
let authority: Issued;
let site: Host;
let erouted: Erouted;
let swan: StrongSwan | undefined;

beforeAll(async () => {
  pki = createPki("/run/pki");
  const subject = "/C=CH/O=Fleet/CN=Fleet CA";
  authority = pki.issue({ name: "ca", key: "rsa", subject, isCa: true, days: 900 });
  const own = issue(OUR_ID);
  const here = await addHost("concentrator");
  site = await addHost("site");
  await configure(here, [
    "link add wan type veth peer name wan netns site",
    `addr add ${OURS}/24 dev wan`,
    "link set wan up",
  ]);
  await configure(site, [`addr add ${THEIRS}/24 dev wan`, "link set wan up"]);
  erouted = await startErouted(here, {
    sites: [{ peerid: "site-1", remip: "192.168.1.0", remmsk: "255.255.255.0", peerip: THEIRS }],
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
    eroute: `
ike_version = "v1"
peer_auth = "certificate"
fragment_size = 600
ca_file = "${authority.certificateFile}"
certificate_file = "${own.certificateFile}"
private_key_file = "${own.keyFile}"
`,
    more: '[dataplane]\nkind = "none"\n',
  });
});

afterEach(async () => {
  await swan?.stop();
  swan = undefined;
});

afterAll(async () => {
  expect(await erouted.stop()).toBe(0);
});

test("Main Mode with RSA certificates, in fragments both ways", async () => {
  const before = await fragmentsReceived();
  swan = await call("site-1", { charon: "fragment_size = 600" });
  expect(await fragmentsReceived()).toBeGreaterThan(before);
  const log = await swan.log();
  expect(log).toMatch(/received fragment #1/);
  expect(log).toContain(`authentication of '${OUR_ID}' with RSA_EMSA_PKCS1_NULL successful`);
  const shown = await erouted.get("/api/v1/dynamic-eroutes?with=ikev1");
  expect(shown).toContain('"peer_id":"site-1"');
});

test("the same where strongSwan insists on fragments, and where it sends none", async () => {
  for (const connection of ["fragmentation = force", "fragmentation = no"]) {
    await swan?.stop();
    swan = await call("site-1", { connection });
  }
});

test("a certificate of another authority is refused", async () => {
  const other = pki.issue({ name: "other", key: "rsa", subject: "/CN=Other", isCa: true });
  const own = pki.issue({ name: "foreign", key: "rsa", issuer: other, altNames: "DNS:site-1" });
  swan = await startStrongSwan(site, settings(certified(own)));
  expect(await swan.initiateIke(10)).toBe(false);
  const isKnown = async () => (await erouted.log()).includes("issuer-unknown");
  await until("the reason is known", isKnown).catch(async (cause) => {
    throw new Error(await erouted.log(), { cause });
  });
});

test("libreswan in Main Mode with RSA certificates, always in fragments", async () => {
  const before = await fragmentsReceived();
  const libreswan = await startLibreswan(site, libreswanSettings());
  // Its kernel has no ESP, so no Child SA comes up.
  const initiated = libreswan.initiate();
  await until("its ISAKMP SA is up", async () =>
    /IKE SA established .*RSA_SIG/.test(await libreswan.log()),
  ).catch(async (cause) => {
    throw new Error(`${await libreswan.log()}\nerouted:\n${await erouted.log()}`, { cause });
  });
  expect(await fragmentsReceived()).toBeGreaterThan(before);
  await libreswan.stop();
  await initiated.catch(() => false);
});

test("R12: erouted calls strongSwan, in fragments both ways", async () => {
  const own = certified(issue("site-1"));
  swan = await startStrongSwan(site, settings({ ...own, charon: "fragment_size = 600" }));
  const before = await fragmentsReceived();
  await connect(/IKE_SA net\[\d+\] established/);
  const log = await swan.log();
  expect(log).toContain(`authentication of '${OUR_ID}' with RSA_EMSA_PKCS1_NULL successful`);
  expect(log).toMatch(/received fragment #1/);
  expect(await fragmentsReceived()).toBeGreaterThan(before);
  await disconnect();
});

test("R12: strongSwan with forty authorities names them all, called and calling", async () => {
  const own = issue("site-1");
  const others = Array.from({ length: AUTHORITIES }, (_, i) => {
    const subject = `/C=CH/O=${"fleet ".repeat(10)}/OU=${"unit ".repeat(12)}/CN=Authority ${i}`;
    return pki.issue({ name: `authority-${i}`, key: "p256", subject, isCa: true });
  });
  const certificates = { own, authorities: [authority, ...others] };
  for (const connection of ["fragmentation = force", "fragmentation = no"]) {
    swan = await startStrongSwan(site, settings({ ...certified(own), certificates, connection }));
    await connect(/IKE_SA net\[\d+\] established/);
    await disconnect();
    if (!(await swan.initiateIke(10))) {
      throw new Error(`${await swan.log()}\nerouted:\n${await erouted.log()}`);
    }
    await swan.stop();
  }
});

test("R12: strongSwan with a certificate of another authority is refused, and told", async () => {
  const other = pki.issue({ name: "other", key: "rsa", subject: "/CN=Other", isCa: true });
  const own = pki.issue({ name: "foreign", key: "rsa", issuer: other, altNames: "DNS:site-1" });
  swan = await startStrongSwan(site, settings(certified(own)));
  const before = await erouted.log();
  await connect(/received DELETE for IKE_SA net/);
  expect((await erouted.log()).slice(before.length)).toContain("issuer-unknown");
});

test("R12: strongSwan does not accept our certificate: its answer says so", async () => {
  const other = pki.issue({ name: "other", key: "rsa", subject: "/CN=Other", isCa: true });
  const own = issue("site-1");
  swan = await startStrongSwan(
    site,
    settings({ ...certified(own), certificates: { own, authorities: [other] } }),
  );
  await connect(/AUTH_FAILED/);
  const isKnown = async () =>
    /AUTHENTICATION_FAILED; it does not accept our certificate/.test(await erouted.log());
  await until("the reason is known", isKnown).catch(async (cause) => {
    throw new Error(`${await swan?.log()}\nerouted:\n${await erouted.log()}`, { cause });
  });
});

test("R12: erouted calls libreswan, always in fragments", async () => {
  const before = await fragmentsReceived();
  const libreswan = await startLibreswan(site, libreswanSettings());
  expect((await erouted.command("connect", "site-1")).status).toBe(0);
  await until("its ISAKMP SA is up", async () =>
    /IKE SA established .*RSA_SIG/.test(await libreswan.log()),
  ).catch(async (cause) => {
    throw new Error(`${await libreswan.log()}\nerouted:\n${await erouted.log()}`, { cause });
  });
  expect(await fragmentsReceived()).toBeGreaterThan(before);
  await disconnect();
  await libreswan.stop();
});

/** Until its log says this. */
async function connect(said: RegExp): Promise<void> {
  expect((await erouted.command("connect", "site-1")).status).toBe(0);
  await until(`strongSwan says ${said}`, async () => said.test((await swan?.log()) ?? "")).catch(
    async (cause) => {
      throw new Error(`${await swan?.log()}\nerouted:\n${await erouted.log()}`, { cause });
    },
  );
}

async function disconnect(): Promise<void> {
  expect((await erouted.command("disconnect", "site-1")).status).toBe(0);
}

function issue(name: string): Issued {
  return pki.issue({ name, key: "rsa", issuer: authority, altNames: `DNS:${name}` });
}

async function call(name: string, changes: Partial<StrongSwanSettings>): Promise<StrongSwan> {
  const started = await startStrongSwan(site, settings({ ...certified(issue(name)), ...changes }));
  if (await started.initiateIke()) return started;
  throw new Error(`${await started.log()}\nerouted:\n${await erouted.log()}`);
}

function certified(own: Issued): Partial<StrongSwanSettings> {
  return {
    certificates: { own, authorities: [authority] },
    local: `auth = pubkey\n certs = ${own.certificateFile}`,
    remote: "auth = pubkey",
  };
}

function settings(changes: Partial<StrongSwanSettings>): StrongSwanSettings {
  return {
    ...{ version: 1, localId: "site-1", remoteId: OUR_ID, psk: "none of both" },
    ...{ localAddress: THEIRS, remoteAddress: OURS },
    ...{ localSubnet: "192.168.1.0/24", remoteSubnet: "10.0.0.0/16" },
    ...{ ike: "aes256-sha256-ecp256", esp: "aes256-sha256" },
    ...changes,
  };
}

function libreswanSettings(): LibreswanSettings {
  return {
    ...{ version: 1, localId: "site-1", remoteId: OUR_ID, psk: "" },
    ...{ localAddress: THEIRS, remoteAddress: OURS },
    ...{ localSubnet: "192.168.1.0/24", remoteSubnet: "10.0.0.0/16" },
    ...{ ike: "aes256-sha2_256-dh19", esp: "aes256-sha2_256" },
    certificates: { own: issue("site-1"), authority, authby: "rsasig" },
    more: ["fragmentation=force"],
  };
}

async function fragmentsReceived(): Promise<number> {
  const metrics = await erouted.get("/metrics");
  return Number(/^erouted_fragments_received_total (\d+)/m.exec(metrics)?.[1] ?? 0);
}

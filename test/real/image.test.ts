/** The router image: sites that call, pages with their tunnels; empty disk and updates. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json";
import { patient } from "../patience.ts";
import { type Browser, startBrowser } from "./browser.ts";
import { type Console, startConsole } from "./console.ts";
import { configure, type Host, until } from "./guest/hosts.ts";
import { type StrongSwan, startStrongSwan } from "./guest/strongswan.ts";
import { ping } from "./guest/wire.ts";
import { carryOutUpdates, type Updates } from "./image-updates.ts";
import { addRemoteSite, OFFICE, type Router, startRouter, WAN } from "./router.ts";

setDefaultTimeout(patient(60_000));

const BOOT_MS_MAX = patient(150_000);
const READ = "a-token-of-the-test-0123456789";
const OPERATE = "another-token-of-the-test-01234";
const KEY = "correct horse battery staple";
/** Behind the site that is reached through an XFRM interface. */
const BRANCH = "172.31.3.0/24";
const BRANCH_INSIDE = "172.31.3.1";
const subnetOf = (number: number) => `192.168.${number}.0/24`;
const siteOf = (number: number) => ({
  ...{ id: `site-${number}`, subnet: subnetOf(number), inside: `192.168.${number}.1` },
});
const folder = mkdtempSync(join(tmpdir(), "erouted-image-"));

let router: Router;
let browser: Browser;
let machine: Console;
let updates: Promise<Updates>;
const sites: { readonly host: Host; readonly swan: StrongSwan }[] = [];

beforeAll(async () => {
  router = await startRouter(folder, {
    token: READ,
    operateToken: OPERATE,
    configuration: `[[egroup]]
name = "sites"
database = "sqlite:/var/lib/erouted/peers.db"

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"

[[eroute]]
name = "routed"
egroup = "sites"
peerid = "branch-*"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.31.0.0/16"
if_id = 42
routes = true
`,
    network: "IP link add ipsec0 type xfrm dev eth0 if_id 42\nIP link set ipsec0 up\n",
    fill(config) {
      erouted(["peers", "init", "--config", config]);
      const rows = { "site-1": subnetOf(1), "site-2": subnetOf(2), "branch-3": BRANCH };
      for (const [peerid, remip] of Object.entries(rows)) {
        const row = ["--peerid", peerid, "--remip", remip];
        erouted(["peers", "add", ...row, "--password-stdin", "--config", config]);
      }
    },
  });
  // In parallel with the other: its boots take a while.
  machine = await startConsole(folder);
  updates = carryOutUpdates(machine);
  updates.catch(() => undefined);
  browser = await startBrowser();
}, patient(200_000));

afterAll(async () => {
  await browser?.close();
  for (const { swan } of sites) await swan.stop();
  await router?.stop();
  await machine?.stop();
  for (const { host } of sites) Bun.spawnSync(["ip", "netns", "delete", host.name]);
  rmSync(folder, { recursive: true, force: true });
});

function erouted(args: readonly string[]): void {
  const stdin = new Blob([`${KEY}\n`]);
  const child = Bun.spawnSync(["build/out/erouted", ...args], { stdin });
  if (!child.success) throw new Error(`erouted ${args.join(" ")}: ${child.stderr}`);
}

async function curl(path: string, ...more: readonly string[]): Promise<string> {
  const token = `Authorization: Bearer ${READ}`;
  const child = Bun.spawn(["curl", "-s", "-m", "5", "-H", token, ...more, router.url + path]);
  return await new Response(child.stdout).text();
}

/** strongSwan with ESP of its own, in user space: this machine's kernel may lack it. */
async function dial(
  number: number,
  psk: string,
  { id, subnet, inside } = siteOf(number),
): Promise<boolean> {
  const host = await addRemoteSite(router.internet, number);
  // One of them exists already.
  if (subnet !== subnetOf(number)) await configure(host, [`addr add ${inside}/24 dev lo`]);
  const swan = await startStrongSwan(host, {
    ...{ localId: id, remoteId: "concentrator.example", psk },
    ...{ remoteAddress: WAN, ike: "aes128-sha256-x25519", esp: "aes128gcm16" },
    ...{ localSubnet: subnet, remoteSubnet: "10.0.0.0/16" },
    kernel: "kernel-libipsec kernel-netlink",
  });
  sites.push({ host, swan });
  return await swan.initiate(30);
}

/** All of five: a site whose ESP is in user space may lose some packets on a busy machine. */
async function untilAnswered(host: Host | undefined, from: string): Promise<void> {
  const isWhole = async (at: Host | undefined, to: string, options: { from?: string }) =>
    (await ping(at, to, { ...options, count: 5 })).received === 5;
  await until("five pings are answered", () => isWhole(host, OFFICE, { from }));
  await until("five pings are answered there", () => isWhole(router.office, from, {}));
}

test(
  "the router boots, and its status answers curl from outside",
  async () => {
    const answers = async () => (await curl("/healthz")) === '{"status":"ok"}';
    await until("the router answers", answers, BOOT_MS_MAX).catch((error) => {
      throw new Error(router.console(), { cause: error });
    });
    expect(router.console()).toContain("init: slot a");
  },
  BOOT_MS_MAX,
);

test("a site calls over the Internet, and reaches the office behind the router", async () => {
  if (!(await dial(1, KEY))) throw new Error(`${await sites[0]?.swan.log()}\n${router.console()}`);
  const [site] = sites;
  await untilAnswered(site?.host, "192.168.1.1");
  const { eroutes } = JSON.parse(await curl("/api/v1/eroutes"));
  expect(eroutes).toMatchObject([
    { name: "fleet/site-1", state: "established", child_sas: [{ udp_encapsulation: true }] },
  ]);
});

test("if_id: a site's packets come and go through an XFRM interface of that number", async () => {
  const branch = { id: "branch-3", subnet: BRANCH, inside: BRANCH_INSIDE };
  const isUp = await dial(3, KEY, branch);
  const site = sites.at(-1);
  if (site === undefined || !isUp) throw new Error(await site?.swan.log());
  await untilAnswered(site.host, BRANCH_INSIDE);
  const { eroutes } = JSON.parse(await curl("/api/v1/eroutes"));
  const routed = eroutes.find(({ name }: { name: string }) => name === "routed/branch-3");
  expect(routed?.child_sas[0]).toMatchObject({ remote_subnets: [BRANCH] });
});

const TEXT = "document.body?.innerText";

const SCREEN = { width: 1280, height: 900, scheme: "light", runsScripts: true } as const;

test("its pages show the tunnel with its traffic, and why another site is not up", async () => {
  expect(await dial(2, "not its key")).toBe(false);
  const shots = process.env.SHOTS;
  const open = async (path: string) => {
    const page = await browser.open(router.url + path, SCREEN);
    if (shots !== undefined) {
      writeFileSync(join(shots, `${path.replace(/\W+/g, "-")}.png`), await page.screenshot("page"));
    }
    return page;
  };
  const login = await open("/status/login?next=/status/ipsec/peers/site-1");
  await login.evaluate(`document.querySelector("input[name=token]").value = "${OPERATE}"`);
  await login.evaluate(`document.querySelector("form.login").submit()`);
  const isIn = async () => /Log out/.test(String(await login.evaluate(TEXT)));
  await until("the token is taken", isIn);
  const tunnels = await open("/status/ipsec/dynamic-tunnels");
  expect(await tunnels.evaluate(TEXT)).toMatch(/site-1[\s\S]*192\.0\.2\.11/);
  const refused = await open("/status/ipsec/peers/site-2");
  expect(await refused.evaluate(TEXT)).toMatch(/pre-shared key/i);
  const others = await open("/status/ipsec/not-connected");
  expect(await others.evaluate(TEXT)).toMatch(/site-2[\s\S]*Wrong pre-shared key/);
  for (const path of ["ipsec/ike-sas", "ipsec/eroutes", "ipsec/peers/site-1", "events", "system"]) {
    const page = await open(`/status/${path}`);
    expect([path, page.complaints]).toEqual([path, []]);
  }
});

test("Disconnect, clicked, closes the tunnel at both ends; the page says so itself", async () => {
  const page = await browser.open(`${router.url}/status/ipsec/peers/site-1`, SCREEN);
  expect(await page.evaluate(TEXT)).toContain("site-1 is connected");
  const buttons = `[...document.querySelectorAll("button")]`;
  await page.evaluate(`${buttons}.find((one) => one.innerText === "Disconnect").click()`);
  const isGone = async () => (await sites[0]?.swan.childSas()) === 0;
  await until("the site has no Child SA any more", isGone);
  const saysSo = async () => /site-1 is not connected/.test(String(await page.evaluate(TEXT)));
  await until("the page says it", saysSo);
});

test(
  "an empty disk is filled; an update is kept if it works, and left otherwise",
  async () => {
    const { answers, exited } = await updates;
    expect(answers["first boot"]).toMatch(/\/data type ext4[\s\S]*\/factory: No such file/);
    expect(answers["other sum"]).toContain("its SHA-256 differs: nothing has been changed");
    expect(answers["no executable"]).toContain("it does not run here: nothing has been changed");
    expect(answers["bad update"]).toContain(
      "version 0.0.0-bad in slot b will be tried at the next boot",
    );
    expect(answers["back again"]).toMatch(/kept\r?\n.*\/data\/trying: No such file/);
    expect(answers["good update"]).toContain(`version ${packageJson.version} in slot b`);
    expect(answers.updated).toMatch(/kept\r?\nb\r?\n/);
    expect(exited).toBe(0);
  },
  patient(400_000),
);

/**
 * Sites are redirected to another gateway, and a site redirects us (RFC 5685): strongSwan and
 * libreswan in both roles. Only libreswan redirects in IKE_AUTH.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ErouteSeen, erouteViews } from "./agreement.ts";
import { OUR_ID } from "./erouted.ts";
import { configure, until } from "./hosts.ts";
import { CONCENTRATOR, type Site } from "./laboratory.ts";
import { type Libreswan, startLibreswan } from "./libreswan.ts";
import {
  bringUp,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import { type StrongSwan, startStrongSwan } from "./strongswan.ts";

/** A second address of the concentrator, and one of a site that is called. */
const SECOND = "192.0.2.3";
const ELSEWHERE = "192.0.2.111";
/** A second address of the site with libreswan. */
const SIDE = "192.0.2.113";
/** The address of another gateway. */
const OTHER = "192.0.2.19";

const MOVED = `
[[eroute]]
name = "moved"
egroup = "sites"
peerid = "moved-*"
ourid = "${OUR_ID}"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
redirect = "${OTHER}"
`;

let scenario: Scenario;
let site: Site;
let swan: StrongSwan;
/** A site whose eroute redirects it. */
let moved: StrongSwan;
/** A strongSwan with the same ID as erouted. */
let gateway: StrongSwan;
let branch: Site;
/** It redirects its callers, and follows redirects when it calls. */
let libreswan: Libreswan;

beforeAll(async () => {
  scenario = await startScenario({
    sites: [
      { ...rowOf(1), peerip: "192.0.2.11" },
      { ...rowOf(2), peerid: "moved-2" },
      { ...rowOf(3), peerip: "192.0.2.13" },
    ],
    eroute: "follow_redirect = true",
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an-operators-token" },
    more: MOVED,
  });
  const { laboratory } = scenario;
  await configure(laboratory.concentrator, [`addr add ${SECOND}/24 dev wan`]);
  site = await laboratory.addSite(1);
  await configure(site.host, [`addr add ${ELSEWHERE}/24 dev wan`]);
  swan = await startSite(site);
  moved = await startSite(await laboratory.addSite(2), { localId: "moved-2", psk: pskOf(2) });
  gateway = await startGateway();
  branch = await laboratory.addSite(3);
  await configure(branch.host, [`addr add ${SIDE}/24 dev wan`]);
  libreswan = await startBranch();
});

afterAll(async () => {
  await swan?.stop();
  await moved?.stop();
  await gateway?.stop();
  await libreswan?.stop();
  expect(await scenario?.erouted.stop()).toBe(0);
});

test("X-04: one site is sent to another address of ours, with its tunnel", async () => {
  await bringUp(scenario, swan);
  const sent = await scenario.erouted.command("redirect", "site-1", "--to", SECOND);
  expect([sent.status, sent.out]).toEqual([0, `site-1 is told to go to ${SECOND}\n`]);
  await until("the site is at the second address", async () => {
    const [eroute] = await erouteViews(scenario);
    const isThere = eroute?.ike_sa?.local_endpoint.startsWith(`${SECOND}:`) === true;
    return isThere && eroute.child_sas.length === 1;
  });
  await until("one IKE SA is left", async () => (await swan.ikeSpis()).length === 1);
  await pingBothWays(scenario, site);
});

test("X-04: an eroute sends its sites elsewhere once they are up, and why says so", async () => {
  await moved.initiate(10);
  await until("the other gateway has it", async () => await isAtGateway("moved-2"));
  await until("it is gone here", async () => (await erouteViews(scenario)).length === 1);
  const why = await scenario.erouted.command("why", "moved-2");
  expect(why.out).toContain("it was sent to another gateway");
  expect(why.out).toContain(OTHER);
  await moved.terminate();
});

test("X-04: libreswan that we call sends us on in IKE_AUTH, and is followed", async () => {
  const up = await scenario.erouted.command("connect", "site-3", "--wait");
  await withLogs(async () => {
    expect([up.status, up.err]).toEqual([0, ""]);
    const eroute = await branchEroute();
    expect(eroute?.ike_sa?.remote_endpoint).toStartWith(`${SIDE}:`);
    expect(eroute?.child_sas).toHaveLength(1);
    await until("one IKE SA and its Child SA are left", async () => {
      return Bun.deepEquals(await libreswan.counts(), { ike: 1, child: 1 });
    });
  });
  expect(await libreswan.states()).toContain('"side"');
  expect(await scenario.erouted.log()).toContain("IKE_AUTH redirect-followed");
  await pingBothWays(scenario, branch);
  expect((await counters()).redirects_followed).toBe(1);
  expect((await scenario.erouted.command("disconnect", "site-3")).status).toBe(0);
  await until("nothing is left", async () => (await libreswan.counts()).ike === 0);
});

test("X-04: libreswan is sent to another address of ours, with its tunnel", async () => {
  await libreswan.initiate();
  await withLogs(async () => {
    expect((await branchEroute())?.ike_sa?.local_endpoint).toStartWith(`${CONCENTRATOR.v4}:`);
    const sent = await scenario.erouted.command("redirect", "site-3", "--to", SECOND);
    expect([sent.status, sent.out]).toEqual([0, `site-3 is told to go to ${SECOND}\n`]);
    await until("the site is at the second address", async () => {
      const eroute = await branchEroute();
      const isThere = eroute?.ike_sa?.local_endpoint.startsWith(`${SECOND}:`) === true;
      return isThere && eroute.child_sas.length === 1;
    });
    await until("one IKE SA is left", async () => (await libreswan.counts()).ike === 1);
  });
  await pingBothWays(scenario, branch);
  await libreswan.terminate();
});

test("X-04: emptied for maintenance: connected sites and callers go elsewhere", async () => {
  const sent = await scenario.erouted.command("redirect", "--all", "--to", OTHER);
  expect(sent.out).toStartWith(`1 connected sites are told to go to ${OTHER}`);
  const status = await scenario.erouted.command("status");
  expect(status.out).toContain(`sites are redirected to ${OTHER}`);
  const looked = (await counters()).lookups_started;
  expect(await moved.initiate(10)).toBe(true);
  await libreswan.initiate();
  await withLogs(async () => {
    await until("the other gateway has all", async () => {
      const has = await Promise.all(["site-1", "moved-2", "site-3"].map(isAtGateway));
      return !has.includes(false);
    });
  });
  // Callers were answered in IKE_SA_INIT: their IDs were never requested.
  expect((await counters()).lookups_started).toBe(looked);
  await until("nobody is left", async () => (await erouteViews(scenario)).length === 0);
  expect((await counters()).redirects_sent).toBe(6);
  expect((await scenario.erouted.command("redirect", "--stop")).status).toBe(0);
  await moved.terminate();
  await libreswan.terminate();
  await swan.terminate();
});

test("X-04: a site that we have called sends us to another address, and is followed", async () => {
  const up = await scenario.erouted.command("connect", "site-1", "--wait");
  expect([up.status, up.err]).toEqual([0, ""]);
  await swan.redirect(OUR_ID, ELSEWHERE);
  await until("erouted is at the other address", async () => {
    const [eroute] = await erouteViews(scenario);
    return eroute?.ike_sa?.remote_endpoint.startsWith(`${ELSEWHERE}:`) === true;
  });
  await until("one IKE SA is left", async () => (await swan.ikeSpis()).length === 1);
  await pingBothWays(scenario, site);
  expect((await counters()).redirects_followed).toBe(2);
});

async function branchEroute(): Promise<ErouteSeen | undefined> {
  return (await erouteViews(scenario)).find((eroute) => eroute.peer_id === "site-3");
}

/** A failure shows both logs. */
async function withLogs(attempt: () => Promise<void>): Promise<void> {
  await attempt().catch(async (error) => {
    const logs = [`libreswan:\n${await libreswan.log()}`];
    logs.push(`erouted:\n${await scenario.erouted.log()}`);
    throw new Error(logs.join("\n"), { cause: error });
  });
}

async function isAtGateway(peerId: string): Promise<boolean> {
  return (await gateway.sas()).some(({ remoteId }) => remoteId === peerId);
}

async function counters(): Promise<Readonly<Record<string, number>>> {
  const status = (await scenario.erouted.json("/api/v1/status")) as {
    readonly counters: Readonly<Record<string, number>>;
  };
  return status.counters;
}

/**
 * Site 3 has two connections, one for each of its addresses: the first one redirects to the second.
 */
async function startBranch(): Promise<Libreswan> {
  const ends = `  auto=add
  authby=secret
  ikev2=insist
  ike=aes128-sha2_256-dh31
  esp=aes_gcm128
  leftid=@site-3
  leftsubnet=${branch.subnet.v4}
  leftupdown=%disabled
  right=${CONCENTRATOR.v4}
  rightid=@${OUR_ID}
  rightsubnet=10.0.0.0/16
  keyingtries=1
  rekey=no
`;
  const redirect = `  send-redirect=yes
  redirect-to=${SIDE}
  accept-redirect=yes
`;
  const conf = `conn net
  left=${branch.address.v4}
${redirect}${ends}
conn side
  left=${SIDE}
${ends}`;
  const secrets = `@site-3 @${OUR_ID} : PSK "${pskOf(3)}"\n`;
  const started = await startLibreswan(branch.host, {
    ...{ localId: "site-3", remoteId: OUR_ID, psk: "" },
    ...{ localAddress: branch.address.v4, remoteAddress: CONCENTRATOR.v4, ike: "", esp: "" },
    ...{ localSubnet: branch.subnet.v4, remoteSubnet: "10.0.0.0/16" },
    files: { name: "net", conf, secrets },
  });
  await until("it has read its file, and listens", async () => {
    const log = await started.log();
    return log.includes('"side": added') && log.includes(`${SIDE}:4500`);
  });
  return started;
}

/** Site 9's host is a gateway for all sites. */
async function startGateway(): Promise<StrongSwan> {
  const { host } = await scenario.laboratory.addSite(9);
  const secret = (id: string, number: number) =>
    `ike-${number} { id = ${id}\n secret = "${pskOf(number)}" }`;
  return await startStrongSwan(host, {
    ...{ localId: OUR_ID, remoteId: "%any", psk: "", remoteAddress: "%any" },
    ...{ ike: "", esp: "", localSubnet: "", remoteSubnet: "" },
    swanctlConf: `connections { sites {
  version = 2
  proposals = aes128-sha256-x25519
  mobike = no
  local { auth = psk
    id = ${OUR_ID} }
  remote { auth = psk
    id = %any }
  children { net {
    esp_proposals = aes128gcm16
    local_ts = 10.0.0.0/16
    remote_ts = 192.168.0.0/16 } }
} }
secrets { ${secret("site-1", 1)}
  ${secret("moved-2", 2)}
  ${secret("site-3", 3)} }
`,
  });
}

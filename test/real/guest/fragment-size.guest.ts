/**
 * A router with an MTU of 1,200 that does not report it: our certificate still arrives. Packets
 * without DF are fragmented there; and where IP fragments vanish, smaller IKE fragments get
 * through.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { createPki, type Issued } from "../pki.ts";
import { ikeSaCount } from "./agreement.ts";
import { addFilter, dropLongUdp } from "./filters.ts";
import { must, until } from "./hosts.ts";
import type { Site } from "./laboratory.ts";
import { pskOf, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";

const FOLDER = "/run/pki";
const MTU = "1200";

let scenario: Scenario;
let site: Site;
let authority: Issued;

beforeAll(async () => {
  const pki = createPki(FOLDER);
  authority = pki.issue({ name: "ca", subject: "/CN=Fleet CA", isCa: true, days: 900 });
  const altNames = "DNS:concentrator.example";
  const ours = pki.issue({ name: "concentrator", key: "rsa", issuer: authority, altNames });
  const own = `
certificate_file = "${ours.certificateFile}"
private_key_file = "${ours.keyFile}"
`;
  scenario = await startScenario({
    sites: [rowOf(1)],
    eroute: own,
    more: `
[[eroute]]
name = "small"
peerid = "small-1"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.2.0/24"
fragment_size = 1100
${own}
[[user]]
name = "small-1"
password_file = "/run/erouted/small.secret"
`,
    files: { "small.secret": pskOf(2) },
  });
  site = await scenario.laboratory.addSite(1, "behind-nat");
  const nat = { ...site.host, name: "nat" };
  await must(nat, ["ip", "link", "set", "br0", "mtu", MTU]);
  const icmp = ["egress", ..."flower ip_proto icmp action drop".split(" ")];
  for (const device of ["br0", "wan"]) await addFilter(nat, device, icmp);
  await must(site.host, ["ip", "link", "set", "wan", "mtu", MTU]);
});

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
});

test("the router fragments messages without DF, and the certificate arrives", async () => {
  const swan = await startSite(site, { ...believes() });
  expect(await swan.initiate(20)).toBe(true);
  expect(await swan.log()).toContain("received end entity cert");
  await swan.terminate();
  await swan.stop();
});

test("where longer packets vanish, fragment_size lets it through", async () => {
  await dropLongUdp(scenario.laboratory.concentrator, "wan", 1_100);
  const large = await startSite(site, { ...believes() });
  expect(await large.initiate(5)).toBe(false);
  await large.stop();
  const ids = { localId: "small-1", psk: pskOf(2), localSubnet: "192.168.2.0/24" };
  const swan = await startSite(site, { ...ids, ...believes() });
  expect(await swan.initiate(20)).toBe(true);
  await swan.stop();
  // The site that never got its answer could not say goodbye: liveness checks end its IKE SA.
  await until("no IKE SA is left", async () => (await ikeSaCount(scenario)) === 0, LIVENESS_MS_MAX);
});

const LIVENESS_MS_MAX = patient(120_000);

/** We authenticate with a certificate, the site with its key. */
function believes() {
  return { remote: "auth = pubkey", certificates: { own: undefined, authorities: [authority] } };
}

/**
 * vpnc calls: a machine in the field with IKEv1, a group's name as its ID (KEY_ID), XAUTH and Mode
 * Config. It does ESP by itself, over a TUN device.
 */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { patient } from "../../patience.ts";
import { type Running, run, start, until } from "./hosts.ts";
import { CONCENTRATOR, OFFICE, type Site } from "./laboratory.ts";
import { type GuestMariadb, startGuestMariadb } from "./mariadb.ts";
import { dynamicPeerIds, pskOf, type Scenario, startScenario } from "./scenario.ts";
import { ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const INNER = { direct: "192.168.200.1", second: "192.168.200.2", third: "192.168.200.3" };
const DEVICE = "tun0";
const USER = { name: "anna", password: "a password of its own" };
/** Of vpnc's own script only what this test needs: that one writes files of the host. */
const SCRIPT = "/run/vpnc-script";
const SCRIPT_TEXT = `#!/bin/sh
case "$reason" in
connect)
  ip link set "$TUNDEV" up mtu 1300
  ip addr add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
  ip route add 10.0.0.0/16 dev "$TUNDEV" src "$INTERNAL_IP4_ADDRESS" ;;
disconnect)
  ip link set "$TUNDEV" down ;;
esac
`;

let mariadb: GuestMariadb;
let scenario: Scenario;
let direct: Site;
let behindNat: readonly [Site, Site];
/** Each test hangs up: no kernel has what vpnc has, so nothing can be compared with it. */
const running: Running[] = [];

beforeAll(async () => {
  await writeFile(SCRIPT, SCRIPT_TEXT, { mode: 0o755 });
  mariadb = await startGuestMariadb();
  const machine = (number: number) => ({
    ...{ peerid: `site-${number}`, password: pskOf(number) },
    ...{ remip: `192.168.200.${number}`, remmsk: "255.255.255.255" },
  });
  scenario = await startScenario({
    database: mariadb,
    sites: [machine(1), machine(2), machine(3)],
    // It knows SHA-1 and MD5 only.
    eroute: 'ike_version = "v1"\nlegacy = true\nxauth = true',
    more: `[[user]]\nname = "${USER.name}"\npassword_file = "/run/erouted/user.secret"`,
    files: { "user.secret": USER.password },
  });
  const { addSite } = scenario.laboratory;
  direct = await addSite(1);
  behindNat = [await addSite(2, "behind-nat"), await addSite(3, "behind-nat")];
}, patient(120_000));

afterEach(async () => {
  await Promise.all(running.splice(0).map((vpnc) => vpnc.stop()));
});

afterAll(async () => {
  expect(await scenario.erouted.stop()).toBe(0);
  await mariadb.stop();
});

test("KEY_ID, XAUTH, Mode Config: the machine gets its row's address, and pings pass", async () => {
  await call(direct, "none");
  await expectPings(direct, INNER.direct);
  const shown = await scenario.erouted.json("/api/v1/dynamic-eroutes?with=ikev1");
  expect(shown).toMatchObject({ dynamic_eroutes: [{ peer_id: "site-1", ike_sa: { version: 1 } }] });
  await hangUp();
});

test("two behind one NAT: their ESP goes in UDP, and both are reached", async () => {
  const [one, other] = behindNat;
  await call(one, "natt");
  await call(other, "natt");
  await expectPings(one, INNER.second);
  await expectPings(other, INNER.third);
  const states = await xfrmStates(scenario.laboratory.concentrator);
  expect(states.map(({ encapsulated }) => encapsulated)).toEqual([true, true, true, true]);
  await hangUp();
});

test("a wrong password of the user is refused, and `why` says so", async () => {
  running.push(start(direct.host, words(direct, "none", "not the one")));
  await until("`why` says it", async () => {
    const why = await scenario.erouted.command("why", "site-1");
    return why.out.includes("is wrong, or there is no such user");
  });
  await hangUp();
});

test("a wrong key of the group: vpnc does not go on, and `why` says why", async () => {
  const site = { ...direct, number: 9 };
  running.push(
    start(
      direct.host,
      words(site, "none").map((word) => word.replace("-9", "-1")),
    ),
  );
  await until(
    "`why` says it",
    async () => {
      const why = await scenario.erouted.command("why", "site-1");
      return why.out.includes("another pre-shared key");
    },
    patient(45_000),
  );
  await hangUp();
});

async function hangUp(): Promise<void> {
  await Promise.all(running.splice(0).map((vpnc) => vpnc.stop()));
  await until("nothing is left", async () => {
    const states = await xfrmStates(scenario.laboratory.concentrator);
    return states.length === 0 && (await dynamicPeerIds(scenario)).length === 0;
  });
}

/** vpnc in the foreground, once it is connected. */
async function call(site: Site, mode: "none" | "natt"): Promise<void> {
  const vpnc = start(site.host, words(site, mode));
  running.push(vpnc);
  try {
    await until("vpnc is connected", async () => {
      const shown = await run(site.host, ["ip", "-4", "addr", "show", "dev", DEVICE]);
      return shown.out.includes("192.168.200.");
    });
  } catch (error) {
    const logs = [await vpnc.output(), await scenario.erouted.log()];
    throw new Error(logs.join("\n"), { cause: error });
  }
}

function words(site: Site, mode: "none" | "natt", password = USER.password): readonly string[] {
  return [
    ...["vpnc", "--no-detach", "--non-inter", "--ifname", DEVICE, "--script", SCRIPT],
    ...["--pid-file", `/run/vpnc-${site.host.name}.pid`, "--gateway", CONCENTRATOR.v4],
    ...["--id", `site-${site.number}`, "--secret", pskOf(site.number)],
    ...["--username", USER.name, "--password", password],
    ...["--dh", "dh2", "--pfs", "nopfs", "--natt-mode", mode, "--local-port", "0"],
    ...["--target-network", "10.0.0.0/255.255.0.0", "--debug", "1"],
  ];
}

async function expectPings({ host }: Site, from: string): Promise<void> {
  const there = await ping(host, OFFICE.v4, { from });
  const back = await ping(scenario.laboratory.office, from);
  expect({ there, back }).toEqual({
    there: { sent: 3, received: 3 },
    back: { sent: 3, received: 3 },
  });
}

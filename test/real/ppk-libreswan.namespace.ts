/** See ppk-libreswan.test.ts: libreswan calls, and is called, with the same PPK or another. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Erouted, OUR_ID, startErouted } from "./guest/erouted.ts";
import { addHost, configure, type Host, until } from "./guest/hosts.ts";
import { type Libreswan, startLibreswan } from "./guest/libreswan.ts";

const [OURS, THEIRS] = ["192.0.2.1", "192.0.2.2"];
const PSK = "key of the laboratory";
const PPK = `0x${"5a0f".repeat(16)}`;
const OTHER_PPK = `0x${"c3e1".repeat(16)}`;

/** No row has a PPK, so that all of them are those of local users. */
const CONFIGURATION = `
[dataplane]
kind = "none"
[ike]
intermediate_ppk = true
[[eroute]]
name = "lab"
peerid = "lab-gw"
peerip = "${THEIRS}"
ourid = "${OUR_ID}"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.1.0/24"
[[user]]
name = "lab-gw"
password_file = "/run/erouted/lab.secret"
ppk_file = "/run/erouted/lab.ppk"
`;

let site: Host;
let erouted: Erouted;

beforeAll(async () => {
  const here = await addHost("concentrator");
  site = await addHost("site");
  await configure(here, [
    "link add wan type veth peer name wan netns site",
    `addr add ${OURS}/24 dev wan`,
    "link set wan up",
  ]);
  await configure(site, [`addr add ${THEIRS}/24 dev wan`, "link set wan up"]);
  erouted = await startErouted(here, {
    sites: [],
    eroute: 'ppk = "off"',
    more: CONFIGURATION,
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "lab.secret": PSK, "lab.ppk": PPK, "operate.token": "an-operators-token" },
  });
});

afterAll(async () => {
  expect(await erouted.stop()).toBe(0);
});

test("libreswan calls", async () => {
  const libreswan = await start(PPK);
  await libreswan.initiate();
  await says(libreswan, "PPK used in IKE_INTERMEDIATE as initiator");
  await says(libreswan, "initiator established IKE SA; authenticated peer");
  await libreswan.stop();
});

test("libreswan is called", async () => {
  const libreswan = await start(PPK);
  await erouted.command("connect", "lab-gw", "--wait");
  await says(libreswan, "PPK used in IKE_INTERMEDIATE as responder");
  await says(libreswan, "responder established IKE SA; authenticated peer");
  await libreswan.stop();
});

test("libreswan has another PPK: neither end goes on without it", async () => {
  const libreswan = await start(OTHER_PPK);
  await libreswan.initiate();
  await says(libreswan, "N(PPK_IDENTITY) not received");
  await erouted.command("connect", "lab-gw", "--wait");
  await says(libreswan, "No matching (PPK_ID, PPK) found");
  expect(await libreswan.log()).not.toContain("established IKE SA");
  await libreswan.stop();
});

async function start(ppk: string): Promise<Libreswan> {
  const ids = `@lab-gw @${OUR_ID}`;
  return await startLibreswan(site, {
    ...{ newer: true, localId: "lab-gw", remoteId: OUR_ID, psk: PSK },
    ...{ localAddress: THEIRS, remoteAddress: OURS },
    ...{ localSubnet: "192.168.1.0/24", remoteSubnet: "10.0.0.0/16" },
    ...{ ike: "aes_gcm256-sha2_256-dh31", esp: "aes_gcm256" },
    secrets: `${ids} : PSK "${PSK}"\n${ids} : PPKS "lab-gw" ${ppk}\n`,
    more: ["ppk=insist", "intermediate=yes"],
  });
}

async function says(libreswan: Libreswan, words: string): Promise<void> {
  const isSaid = async () => (await libreswan.log()).includes(words);
  await until(words, isSaid).catch(async (cause) => {
    const logs = `${await libreswan.log()}\nerouted:\n${await erouted.log()}`;
    throw new Error(logs, { cause });
  });
}

/** Captures of one site: read by tshark, without anything of other sites. */

import { expect, test } from "bun:test";
import { type CaptureContent, createCaptures } from "../../../src/daemon/capture.ts";
import { parseAddress } from "../../../src/inet/address.ts";
import type { Path } from "../../../src/inet/endpoint.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";

/** Peer IDs by the initiator's SPI: what the engine knows so far. */
const peers = new Map<bigint, string>();
/** IKE SAs that have keys so far. */
const keyed = new Set<bigint>();

function captures() {
  peers.clear();
  keyed.clear();
  return createCaptures({
    decryptionTableLine: (message) => {
      const spiI = new DataView(message.buffer).getBigUint64(0);
      return keyed.has(spiI) ? `keys of ${spiI}` : undefined;
    },
    snapshot: () => ({
      peerOf: (message) => peers.get(new DataView(message.buffer).getBigUint64(0)),
    }),
    natPort: () => 4500,
    wallMs: () => 1_900_000_000_123,
    version: "1.2.3",
  });
}

function path(remote: string, port = 500): Path {
  const of = (text: string) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(text);
    return { address, port };
  };
  return { local: of(remote.includes(":") ? "2001:db8::1" : "192.0.2.1"), remote: of(remote) };
}

function message(spiI: bigint, isResponse = false): Uint8Array {
  return emitMessage(
    {
      ...{ spiI: asIkeSpi(spiI), spiR: asIkeSpi(isResponse ? 99n : 0n) },
      ...{ version: { major: 2, minor: 0 }, exchangeType: ExchangeType.IKE_SA_INIT, messageId: 0 },
      flags: { initiator: !isResponse, version: false, response: isResponse },
    },
    [{ kind: "NONCE", data: new Uint8Array(33) }],
  );
}

const LIMITS = { seconds: 60, octets: 100_000 };

function opened(
  of: ReturnType<typeof captures>,
  asked: string,
  limits = LIMITS,
  what: CaptureContent = "packets",
) {
  const stream = of.open(asked, what, limits);
  if (!stream.ok) throw new Error(stream.error);
  return stream.value;
}

/** What tshark reads in a file: a line for each packet. */
async function dissect(file: Uint8Array): Promise<string[]> {
  const fields = ["ip.src", "ipv6.src", "udp.dstport", "isakmp.ispi", "frame.comment"];
  const more = ["ip.checksum.status", "udp.checksum.status", "_ws.malformed"];
  const args = [...fields, ...more].flatMap((field) => ["-e", field]);
  const check = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
  const child = Bun.spawn(
    ["tshark", "-r", "-", "-T", "fields", "-E", "separator=;", ...check, ...args],
    {
      ...{ stdin: new Blob([file]), stdout: "pipe", stderr: "ignore" },
    },
  );
  return (await new Response(child.stdout).text()).trim().split("\n");
}

test("both ways, IPv4 and IPv6, with the marker on 4500: tshark finds nothing wrong", async () => {
  const hub = captures();
  peers.set(7n, "site-1");
  const stream = opened(hub, "SITE-1");
  expect(hub.isOpen).toBe(true);
  hub.see(message(7n), path("198.51.100.7"), "received");
  hub.see(message(7n, true), path("198.51.100.7", 4500), "sent");
  hub.see(message(7n), path("2001:db8::7", 4500), "received");
  hub.see(message(8n), path("198.51.100.8"), "received");
  hub.see(new Uint8Array(3), path("198.51.100.7"), "received");
  hub.stop();
  const file = await new Response(stream).bytes();
  expect(await dissect(file)).toEqual([
    "198.51.100.7;;500;0000000000000007;received, site-1;1;1;",
    "192.0.2.1;;4500;0000000000000007;sent, site-1;1;1;",
    ";2001:db8::7;4500;0000000000000007;received, site-1;;1;",
  ]);
  expect(hub.isOpen).toBe(false);
});

test("what came before the ID was known is included once; by address it comes first", async () => {
  const hub = captures();
  const byId = opened(hub, "site-1");
  const byAddress = opened(hub, "198.51.100.7");
  hub.see(message(7n), path("198.51.100.7"), "received");
  hub.see(message(8n), path("198.51.100.8"), "received");
  peers.set(7n, "site-1");
  hub.see(message(7n, true), path("198.51.100.7"), "sent");
  hub.stop();
  for (const stream of [byId, byAddress]) {
    const lines = await dissect(await new Response(stream).bytes());
    expect(lines.map((line) => line.split(";")[0])).toEqual(["198.51.100.7", "192.0.2.1"]);
  }
});

test("it ends by itself, at its length, and when its reader leaves; four at most", async () => {
  const hub = captures();
  peers.set(7n, "site-1");
  const short = opened(hub, "site-1", { seconds: 60, octets: 300 });
  for (let n = 0; n < 10; n++) hub.see(message(7n), path("198.51.100.7"), "received");
  expect((await new Response(short).bytes()).length).toBeLessThan(400);
  const brief = opened(hub, "site-1", { seconds: 0.01, octets: 1_000 });
  await new Response(brief).bytes();
  expect(hub.isOpen).toBe(false);
  const all = Array.from({ length: 4 }, () => opened(hub, "site-1"));
  expect(hub.open("site-1", "packets", LIMITS).ok).toBe(false);
  for (const stream of all) await stream.cancel();
  expect(hub.isOpen).toBe(false);
});

test("with a reader that does not read, the rest is left out and nothing grows", () => {
  const hub = captures();
  peers.set(7n, "site-1");
  const stream = opened(hub, "site-1", { seconds: 60, octets: 100_000_000 });
  for (let n = 0; n < 20_000; n++) hub.see(message(7n), path("198.51.100.7"), "received");
  expect(hub.isOpen).toBe(true);
  hub.stop();
  expect(stream.locked).toBe(false);
});

test("keys: one line for each IKE SA of the site, even one that ended unnamed", async () => {
  const hub = captures();
  const keys = opened(hub, "site-1", LIMITS, "keys");
  peers.set(7n, "site-1").set(8n, "site-2");
  for (const spiI of [7n, 8n, 9n]) hub.see(message(spiI), path("198.51.100.7"), "received");
  for (const spiI of [7n, 8n, 9n]) keyed.add(spiI);
  for (const spiI of [7n, 8n, 9n]) hub.see(message(spiI), path("198.51.100.7"), "received");
  keyed.clear();
  peers.set(9n, "site-1");
  for (const spiI of [7n, 8n, 9n]) hub.see(message(spiI, true), path("198.51.100.7"), "sent");
  hub.stop();
  expect(await new Response(keys).text()).toBe("# erouted 1.2.3: secret\nkeys of 7\nkeys of 9\n");
});

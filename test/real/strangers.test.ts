/** Callers without a key, over loopback, against the program and a MariaDB that answers slowly. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FLEET_SUBNET, LOCAL_SUBNET, pskOfSite, subnetOfSite } from "../bench/fleet.ts";
import { freeTcpPort, freeUdpPorts } from "../free-port.ts";
import { lookUntil, patient } from "../patience.ts";
import { type CallEnd, liveCall } from "./live-site.ts";
import { MARIADB_USER, type Mariadb, startMariadb } from "./mariadb.ts";

const SITES = 12;
/** Each answer of the database: far more than an answer from memory takes. */
const SLOW_MS = 250;
/** After a refused IKE_AUTH: the deadline of a look-up, and half a second. */
const REFUSAL_MS = 2_500;
/** Refusals keep to a grid of this width. */
const GRID_MS = 500;

const folder = mkdtempSync(join(tmpdir(), "erouted-strangers-"));
const logFile = join(folder, "log");
let mariadb: Mariadb | undefined;
let proxy: ReturnType<typeof slowProxy> | undefined;
let daemon: Bun.Subprocess | undefined;
let port = 0;
let status = 0;

beforeAll(async () => {
  mariadb = await startMariadb({ tcp: true });
  proxy = slowProxy(mariadb.port);
  [port, status] = [await freeUdpPorts(), freeTcpPort()];
  const config = join(folder, "erouted.toml");
  writeFileSync(join(folder, "password"), MARIADB_USER.password, { mode: 0o600 });
  writeFileSync(config, configText(proxy.port), { mode: 0o600 });
  const built = process.env.EROUTED_EXECUTABLE ?? "";
  const command =
    built === "" ? [process.execPath, join(import.meta.dir, "../../src/main.ts")] : [built];
  const init = Bun.spawn([...command, "peers", "init", "--config", config], { stdout: "ignore" });
  expect(await init.exited).toBe(0);
  const rows = Array.from({ length: SITES }, (_, i) => {
    return `('site-${i + 1}','${pskOfSite(i + 1)}','${subnetOfSite(i + 1)}/24')`;
  });
  await mariadb.sql(`insert into vpn.eroutes (peerid, password, remip) values ${rows.join(",")}`);
  daemon = Bun.spawn([...command, "run", "--config", config], {
    stdout: Bun.file(logFile),
    stderr: "inherit",
  });
  await lookUntil("erouted is ready", () => log().includes("daemon ready"), patient(20_000));
}, patient(60_000));

afterAll(async () => {
  daemon?.kill("SIGTERM");
  await daemon?.exited;
  proxy?.stop();
  await mariadb?.dispose();
  rmSync(folder, { recursive: true, force: true });
}, patient(20_000));

test(
  "unknown, remembered and wrong: with a slow database all refusals take equally long",
  async () => {
    const unknown = [1, 2, 3, 4].map((n) => `site-unknown-${n}`);
    const strangers = [5, 6, 7, 8].map((n) => `site-unknown-${n}`);
    const refused = (id: string, index: number) =>
      call({ from: `127.0.1.${index + 1}`, changes: { id } });
    await Promise.all(unknown.map(refused));
    proxy?.delay(SLOW_MS);
    const [remembered, fresh, wrong] = await Promise.all([
      Promise.all(unknown.map(refused)),
      Promise.all(strangers.map(refused)),
      Promise.all(
        [5, 6, 7, 8].map((number) =>
          call({ number, from: `127.0.2.${number}`, changes: { psk: "a wrong key" } }),
        ),
      ),
    ]);
    proxy?.delay(0);
    // The shortest of each kind: what a busy machine adds is no part of the schedule. If a look-up
    // does not end in time, which is a fault of ours, there is no answer.
    const shortest = [remembered, fresh, wrong].map((ends) =>
      Math.min(...ends.map(({ authMs }) => authMs ?? Number.POSITIVE_INFINITY)),
    );
    for (const ms of shortest) expect(ms).toBeGreaterThan(REFUSAL_MS - 50);
    expect(Math.max(...shortest) - Math.min(...shortest)).toBeLessThan(GRID_MS - 100);
  },
  patient(60_000),
);

test(
  "a flood of wrong keys: its lines and events are bounded, those of others stay",
  async () => {
    expect((await call({ number: 1, from: "127.0.3.1" })).isUp).toBe(true);
    const [before, attempts] = [log().length, 300];
    const flooder = "127.0.4.1";
    for (let sent = 0; sent < attempts; sent += 100) {
      const some = Array.from({ length: 100 }, (_, i) =>
        call({ number: 9 + (i % 3), from: flooder, changes: { psk: "a wrong key" } }),
      );
      await Promise.all(some);
    }
    const lines = log().slice(before).split("\n");
    const ofFlooder = lines.filter((line) => line.includes(`${flooder}:`)).length;
    expect(ofFlooder).toBeGreaterThan(0);
    expect(ofFlooder).toBeLessThan(attempts / 2);
    expect(await metric("erouted_events_folded_total")).toBeGreaterThan(0);
    expect(await metric("erouted_guesses_slowed_total")).toBeGreaterThan(0);
    const answer = await fetch(`http://127.0.0.1:${status}/api/v1/events?site=site-1&limit=100`);
    expect(await answer.text()).toContain("established");
    expect((await call({ number: 2, from: "127.0.3.2" })).isUp).toBe(true);
  },
  patient(120_000),
);

type Some = Omit<Parameters<typeof liveCall>[0], "port" | "number"> & { readonly number?: number };

function call({ number = 1, ...some }: Some): Promise<CallEnd> {
  return liveCall({ ...some, number, port }, patient(5_000));
}

function log(): string {
  return readFileSync(logFile, "utf8");
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${status}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Passes everything on; what the server says can be delayed. */
function slowProxy(to: number) {
  let delayMs = 0;
  const servers = new Map<Bun.Socket<undefined>, Promise<Bun.Socket<undefined>>>();
  const listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(client) {
        const server = Bun.connect<undefined>({
          hostname: "127.0.0.1",
          port: to,
          socket: {
            data(_, octets) {
              const copy = octets.slice();
              if (delayMs === 0) client.write(copy);
              else setTimeout(() => client.write(copy), delayMs);
            },
            close: () => void client.end(),
          },
        });
        servers.set(client, server);
      },
      async data(client, octets) {
        const copy = octets.slice();
        (await servers.get(client))?.write(copy);
      },
      async close(client) {
        (await servers.get(client))?.end();
        servers.delete(client);
      },
    },
  });
  return {
    port: listener.port,
    delay: (ms: number) => {
      delayMs = ms;
    },
    stop: () => listener.stop(true),
  };
}

function configText(database: number): string {
  return `
[ike]
listen = ["127.0.0.1"]
port = ${port}
nat_port = ${port + 1}

[dataplane]
kind = "none"

[status]
listen = "127.0.0.1:${status}"

[[egroup]]
name = "sites"
database = "mysql://${MARIADB_USER.name}@127.0.0.1:${database}/${MARIADB_USER.database}"
password_file = "${join(folder, "password")}"
lookup_deadline = "2s"

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "concentrator.example"
local_subnet = "${LOCAL_SUBNET}"
remote_subnet = "${FLEET_SUBNET}"
`;
}

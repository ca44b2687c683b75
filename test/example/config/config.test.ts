/** A configuration file becomes values: defaults, secrets, databases, the example. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../../../src/crypto/default-suites.ts";
import { DEFAULT_CHILD, DEFAULT_LIFE, DEFAULT_LIMITS } from "../../../src/eroute/defaults.ts";
import { formatAddress } from "../../../src/inet/address.ts";
import { formatPrefix } from "../../../src/inet/prefix.ts";
import { config, FLEET, told, warned } from "./read.ts";

const EXAMPLE = readFileSync(
  new URL("../../../docs/erouted.example.toml", import.meta.url),
  "utf8",
);

/** The shortest file that does something with a database and a normal eroute. */
const COMPLETE = `
[ike]
listen = ["0.0.0.0", "::"]          # UDP 500 and 4500 on each

[dynamic_eroutes]
max = 4096                          # R7
evict_below_free_percent = 10
evict_interval = "10s"

[status]
listen = "127.0.0.1:8080"

[[egroup]]
name  = "sites"
database = "mysql://erouted@db.example/vpn"   # or "sqlite:/var/lib/erouted/peers.db"
password_file = "/etc/erouted/db.secret"
table = "eroutes"
remote_mask = "255.255.255.0"       # R12
# columns = { peerid = "device_id", password = "psk" }   # an existing table keeps its names

[[eroute]]                          # linked to an egroup: a base eroute
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid  = "concentrator.example"
local_subnet  = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"

[[eroute]]                          # not linked: a normal eroute
name = "lab"
peerid = "lab-gw"
peerip = "198.51.100.7"
local_subnet  = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"

[[user]]                            # R3
name = "lab-gw"
password_file = "/etc/erouted/lab.secret"
`;

/** The example with everything that is commented out, except what excludes the rest. */
function uncommented(text: string): string {
  return text
    .split("\n")
    .map((line) => (/^# [a-z0-9_]+ = /.test(line) ? line.slice(2) : line))
    .filter((line) => !/^(password|ppk|token|operate_token)_env|^tls_ca_file/.test(line))
    .join("\n");
}

describe("examples", () => {
  test("the example in the documentation is right, and warns of nothing", () => {
    expect(config(EXAMPLE).warnings).toEqual([]);
    const ending = { hasLineEnd: true, hasMark: true };
    const { sources } = config(EXAMPLE);
    expect(config(EXAMPLE)).toEqual({ ...config(COMPLETE), sources, ending });
  });

  test("what the example shows in comments is right, too", () => {
    const all = config(uncommented(EXAMPLE));
    // Only together they contradict each other: the certificates of this test have no RSA keys.
    expect(all.warnings.map(({ path, what }) => `${path} ${what}`)).toEqual([
      "eroute[0].ike_version allows IKEv1, with which no site connects: " +
        "signatures need an RSA key, and ours is ed25519",
    ]);
    expect(all.ike).toEqual(config(EXAMPLE).ike);
    const redirectTo = { host: "vpn2.example", address: undefined };
    expect(all.plan.limits).toEqual({ ...config(EXAMPLE).plan.limits, redirectTo });
    expect(all.log).toEqual(config(EXAMPLE).log);
    expect(all.databases).toMatchObject([
      { tls: { mode: "verify" }, poolMax: 8, deadlineMs: 2000 },
    ]);
  });

  test("a complete file is read to the last key", () => {
    const { plan, ...rest } = config(COMPLETE);
    expect(rest.ike.listen.map(formatAddress)).toEqual(["0.0.0.0", "::"]);
    expect(rest.ike).toMatchObject({ port: 500, natPort: 4500 });
    expect(rest.dataplane).toBe("xfrm");
    expect(rest.policyHash).toEqual({ 4: 24, 6: 64 });
    expect(rest.status.listen).toEqual({ host: "127.0.0.1", port: 8080 });
    expect(plan.egroups).toEqual([{ name: "sites", remoteMask: { v4: 24, v6: undefined } }]);
    expect(plan.eroutes).toMatchObject([
      { kind: "base", name: "fleet", egroup: "sites", peerid: { text: "site-*" } },
      { kind: "normal", name: "lab", peerip: "198.51.100.7", bakpeerip: undefined },
    ]);
    expect(plan.eroutes.map((eroute) => eroute.remoteSubnets.map(formatPrefix))).toEqual([
      ["192.168.0.0/16"],
      ["172.20.0.0/24"],
    ]);
    expect(plan.users).toEqual([{ name: "lab-gw", psk: new TextEncoder().encode("lab-password") }]);
  });
});

describe("TLS of the status server", () => {
  const status = (keys: string) => `${FLEET}[status]\n${keys}`;
  const both = 'tls_cert_file = "/ca.pem"\ntls_key_file = "/key.pem"';
  const reachable = 'listen = "0.0.0.0:8443"\ntoken_file = "/etc/erouted/status.token"\n';

  test("certificate and key come together, and each is valid", () => {
    expect(config(status(both)).status.tls?.cert).toStartWith("-----BEGIN CERTIFICATE");
    expect(told(status('tls_cert_file = "/ca.pem"'))).toEqual([
      "status.tls_cert_file needs the other half",
    ]);
    expect(told(status('tls_cert_file = "/key.pem"\ntls_key_file = "/key.pem"'))[0]).toContain(
      "no PEM certificate",
    );
    expect(told(status('tls_cert_file = "/ca.pem"\ntls_key_file = "/ca.pem"'))[0]).toContain(
      "no PEM private key",
    );
    expect(told(status('tls_cert_file = "/none"\ntls_key_file = "/key.pem"')).length).toBe(1);
  });

  test("tokens without TLS on a reachable address cause a warning", () => {
    expect(warned(status(reachable)).join()).toContain("tokens are sent to it in clear");
    expect(warned(status(reachable + both)).join()).not.toContain("in clear");
  });
});

describe("defaults", () => {
  test("an empty file, or one of comments, is refused: a full disk leaves such a file", () => {
    for (const text of ["", "\n", "# end\n"]) {
      const [first] = told(text);
      expect([text, first]).toEqual([text, expect.stringContaining("is empty, or cut off")]);
    }
  });

  test("a file with an empty table is a concentrator without sites", () => {
    const { plan, databases, warnings, ...rest } = config("[status]\n");
    expect(plan.limits).toEqual(DEFAULT_LIMITS);
    expect(rest.log).toEqual({ level: "info", format: "text" });
    const listen = { host: "127.0.0.1", port: 8080 };
    const none = { token: undefined, operateToken: undefined, tls: undefined };
    const unset = { ...none, allowKeyExport: false };
    expect(rest.status).toEqual({ listen, ...unset });
    expect(databases).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  test("an eroute without proposals has the default ones", () => {
    const [fleet] = config(FLEET).plan.eroutes;
    expect(fleet?.ike).toBe(DEFAULT_IKE_SUITES);
    expect(fleet?.esp).toBe(DEFAULT_ESP_SUITES);
    expect(fleet?.child).toEqual(DEFAULT_CHILD);
    expect(fleet?.life).toEqual(DEFAULT_LIFE);
  });

  test("R6: the engine waits a little longer than the slowest table's deadline", () => {
    const slow = FLEET.replace("[[eroute]]", 'lookup_deadline = "5s"\n[[eroute]]');
    expect(config(slow).plan.limits.lookupMs).toBe(5_500);
    expect(config(slow).databases).toMatchObject([{ deadlineMs: 5_000 }]);
  });
});

describe("values", () => {
  test("lists and single values mean the same", () => {
    const one = config(FLEET);
    const list = config(FLEET.replace('"10.0.0.0/16"', '["10.0.0.0/16"]'));
    expect(list).toEqual({ ...one, sources: list.sources });
    const two = config(FLEET.replace('"10.0.0.0/16"', '["10.0.0.0/16", "2001:db8::/32"]'));
    expect(two.plan.eroutes[0]?.localSubnets.map(formatPrefix)).toEqual([
      "10.0.0.0/16",
      "2001:db8::/32",
    ]);
  });

  test("a Child SA's lifetime is by age and traffic", () => {
    const text = `${FLEET}lifetime = "1h30m"\nlifetime_bytes = "2GiB"\nreplay_window = 4096\n`;
    const lifetimeOctets = 2n * 1024n ** 3n;
    expect(config(text).plan.eroutes[0]?.child).toEqual({
      ...DEFAULT_CHILD,
      lifetimeSeconds: 5400,
      lifetimeOctets,
      replayWindow: 4096,
    });
    const plain = `${FLEET}lifetime_bytes = 5000000\n`;
    expect(config(plain).plan.eroutes[0]?.child.lifetimeOctets).toBe(5_000_000n);
  });

  test("an eroute's IKE SAs: when they begin, when their keys are replaced", () => {
    const life = (keys: string) => config(FLEET + keys).plan.eroutes[0]?.life;
    expect(life("")).toEqual(DEFAULT_LIFE);
    expect(life('start = "never"\nike_lifetime = "1h30m"\n')).toEqual({
      ...DEFAULT_LIFE,
      start: "never",
      ikeLifetimeMs: 5_400_000,
    });
  });

  test("R12: masks are dotted, a length, or a number", () => {
    const masks = (keys: string) =>
      config(FLEET.replace("[[eroute]]", `${keys}\n[[eroute]]`)).plan.egroups[0]?.remoteMask;
    expect(masks('remote_mask = "255.255.255.0"')).toEqual({ v4: 24, v6: undefined });
    expect(masks('remote_mask = "/24"\nremote_mask6 = "64"')).toEqual({ v4: 24, v6: 64 });
    expect(masks("remote_mask = 24\nremote_mask6 = 56")).toEqual({ v4: 24, v6: 56 });
  });

  test("the status server can be off, or listen on any address with a token", () => {
    expect(config('[status]\nlisten = "off"').status.listen).toBeUndefined();
    expect(config('[status]\nlisten = "[::1]:9"').status.listen).toEqual({ host: "::1", port: 9 });
    const open = '[status]\nlisten = "0.0.0.0:80"\ntoken_file = "/etc/erouted/status.token"';
    expect(config(open).status.token).toBe("status-token-1234");
    const operate = `${open}\noperate_token_file = "/etc/erouted/operate.token"`;
    expect(config(operate).status.operateToken).toBe("operate-token-1234");
    const same = config(`${open}\noperate_token_file = "/etc/erouted/status.token"`);
    expect(same.warnings.map(({ path }) => path)).toContain("status.operate_token_file");
  });
});

test.each([
  ["/token-of-1", "of 1 character, which"],
  ["/token-of-15", "of 15 characters, which"],
  ["/token-of-as", "of few different characters"],
  ["/token-of-12", "of few different characters"],
])("a token that can be guessed is refused: %s", (file, words) => {
  for (const word of ["token", "operate_token"]) {
    const [fault, ...others] = told(`${FLEET}[status]\n${word}_file = "${file}"`);
    expect(fault).toContain(words);
    expect(fault).toStartWith(`status.${word}_file `);
    expect(others).toEqual([]);
  }
});

describe("databases", () => {
  const database = (keys: string) => {
    const text = FLEET.replace('database = "mysql://erouted@db.example/vpn"', keys);
    return config(text).databases[0];
  };

  test("MySQL over TCP, by name or address, with or without port", () => {
    expect(database('database = "mysql://u@db.example/vpn"')).toMatchObject({
      egroup: "sites",
      engine: "mysql",
      at: { host: "db.example", port: 3306 },
      user: "u",
      database: "vpn",
      table: "eroutes",
      password: undefined,
    });
    expect(database('database = "mysql://u@[2001:db8::1]:3307/vpn"')).toMatchObject({
      at: { host: "2001:db8::1", port: 3307 },
    });
  });

  test("several hosts follow each other, each once, and TLS applies to all", () => {
    expect(database('database = "mysql://u@a.example,[2001:db8::2],b:3307/vpn"')).toMatchObject({
      at: { host: "a.example", port: 3306 },
      standby: [
        { host: "2001:db8::2", port: 3306 },
        { host: "b", port: 3307 },
      ],
    });
    const near = database('database = "mysql://u@127.0.0.1,db.example/vpn"');
    expect(near).toMatchObject({ tls: { mode: "verify" } });
    const nine = Array.from({ length: 9 }, (_, i) => `db-${i}`).join();
    for (const [hosts, says] of [
      ["a,a:3306", "names a:3306 twice"],
      ["a,", "names no host, or one that cannot be read"],
      ["a,b:99999", "a port that does not exist"],
      [nine, "names 9 hosts"],
    ] as const) {
      const url = `database = "mysql://u@${hosts}/vpn"`;
      const text = FLEET.replace('database = "mysql://erouted@db.example/vpn"', url);
      expect([hosts, told(text)]).toEqual([hosts, [expect.stringContaining(says)]]);
    }
  });

  test("MySQL over a Unix socket; percent escapes mean characters", () => {
    expect(database('database = "mysql://a%40b@/my%20db?socket=/run/mysqld.sock"')).toMatchObject({
      at: { socket: "/run/mysqld.sock" },
      user: "a@b",
      database: "my db",
      tls: { mode: "off" },
    });
  });

  test("SQLite has a path, with one slash or three", () => {
    const sqlite = { engine: "sqlite", path: "/var/lib/peers.db" };
    expect(database('database = "sqlite:/var/lib/peers.db"')).toMatchObject(sqlite);
    expect(database('database = "sqlite:///var/lib/peers.db"')).toMatchObject(sqlite);
  });

  test("passwords come from a file or the environment", () => {
    const url = 'database = "mysql://u@h/d"';
    expect(database(`${url}\npassword_file = "/etc/erouted/db.secret"`)).toMatchObject({
      password: "db-password",
    });
    expect(database(`${url}\npassword_env = "DB_PASSWORD"`)).toMatchObject({
      password: "from-environment",
    });
  });

  test("TLS is verified except on this machine, unless the file says otherwise", () => {
    const tls = (url: string, keys = "") => {
      const settings = database(`database = "${url}"\n${keys}`);
      return settings?.engine === "mysql" ? settings.tls : undefined;
    };
    expect(tls("mysql://u@db.example/d")).toEqual({ mode: "verify", caPem: undefined });
    expect(tls("mysql://u@127.0.0.2/d")).toEqual({ mode: "off" });
    expect(tls("mysql://u@localhost/d", 'tls = "encrypt-only"')).toEqual({ mode: "encrypt-only" });
    expect(tls("mysql://u@db.example/d", 'tls_ca_file = "/ca.pem"')).toMatchObject({
      mode: "verify",
      caPem: expect.stringContaining("BEGIN CERTIFICATE"),
    });
  });

  test("an existing table keeps its names; missing columns are null", () => {
    const columns = 'columns = { peerid = "id", remip = "net", bakpeerip = false, ourid = "" }';
    expect(database(`database = "sqlite:x"\ntable = "devices"\n${columns}`)).toMatchObject({
      table: "devices",
      columns: {
        peerid: "id",
        password: "password",
        remip: "net",
        remmsk: "remmsk",
        peerip: "peerip",
        bakpeerip: null,
        ourid: null,
      },
    });
  });
});

describe("warnings", () => {
  test("an egroup without eroutes", () => {
    const second = '[[egroup]]\nname = "spare"\ndatabase = "sqlite:x"\n';
    expect(warned(second + FLEET)).toEqual(['egroup[0] "spare" has no eroute']);
  });

  test("R3: a normal eroute without user, a user without eroute", () => {
    const eroute = `[[eroute]]
name = "lab"
peerid = "lab-?"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
`;
    const user = (name: string) =>
      `[[user]]\nname = "${name}"\npassword_file = "/etc/erouted/lab.secret"\n`;
    expect(warned(eroute)).toEqual([expect.stringContaining("eroute[0].peerid")]);
    expect(warned(eroute + user("LAB-1"))).toEqual([]);
    expect(warned(user("printer") + FLEET)).toEqual([
      expect.stringContaining("no eroute's peerid"),
    ]);
    expect(warned(user("site-1") + FLEET)).toEqual([
      expect.stringContaining("sends to its database"),
    ]);
  });

  test("a normal eroute that a base eroute leaves no ID", () => {
    const all = FLEET.replace("site-*", "*");
    const lab = `[[eroute]]
name = "lab"
peerid = "lab-*"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
[[user]]
name = "lab-gw"
password_file = "/etc/erouted/lab.secret"
`;
    expect(warned(FLEET + lab)).toEqual([]);
    expect(warned(lab + all)).toContainEqual(
      'eroute[0].peerid is "lab-*", but eroute fleet matches all its IDs first, with "*"',
    );
  });

  test("overlapping subnets, weak algorithms, a database in clear, cookies too late", () => {
    expect(warned(FLEET.replace("192.168.0.0/16", "10.0.1.0/24"))).toEqual([
      "eroute[0].remote_subnet overlaps local_subnet: 10.0.0.0/16 and 10.0.1.0/24",
    ]);
    expect(warned(`${FLEET}esp = "aes128-sha1"`)).toEqual([expect.stringContaining("SHA-1")]);
    expect(warned(FLEET.replace("[[eroute]]", 'tls = "off"\n[[eroute]]'))).toEqual([
      expect.stringContaining("egroup[0].tls is off"),
    ]);
    expect(warned(`[ike]\nhalf_open_max = 5\ncookie_above = 5\n${FLEET}`)).toEqual([
      expect.stringContaining("a cookie is never requested"),
    ]);
  });
});

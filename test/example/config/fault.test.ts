/** All faults of a configuration file are reported, with their place and what would be right. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatFault } from "../../../src/config/fault.ts";
import { FLEET, faults, told } from "./read.ts";

const MANY_FAULTS = `frobnicate = 1
[ike]
listen = ["0.0.0.0", "300.1.1.1"]
port = "500"
half_open_timeout = "30"
[status]
listen = "0.0.0.0:8080"
[log]
level = "loud"
[[egroup]]
name = "sites"
database = "mysql://erouted:hunter2@db.example/vpn"
password_file = "/missing"
table = "eroutes; drop"
remote_mask = "255.0.255.0"
columns = { pasword = "x" }
[[egroup]]
database = "postgres://x"
password = "hunter2"
[[eroute]]
name = "fleet"
egroup = "sitse"
peerid = "site-*"
peerip = "192.0.2.1"
local_subnet = "10.0.0.1/16"
remote_subnet = ["192.168.0.0/16",
  "elsewhere"]
[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "*-1"
remote_subnet = 7
local_subnet = "2001:db8::/32"
esp = "rot13"
[[user]]
name = "lab"
password = "hunter2"
`;

describe("all at once", () => {
  test("every fault of a file is reported in one run, in the order of the file", () => {
    expect(faults(MANY_FAULTS).map((fault) => [fault.line, fault.path])).toEqual([
      [1, "frobnicate"],
      [3, "ike.listen[1]"],
      [4, "ike.port"],
      [5, "ike.half_open_timeout"],
      [7, "status.listen"],
      [9, "log.level"],
      [12, "egroup[0].database"],
      [13, "egroup[0].password_file"],
      [14, "egroup[0].table"],
      [15, "egroup[0].remote_mask"],
      [16, "egroup[0].columns.pasword"],
      [17, "egroup[1].name"],
      [18, "egroup[1].database"],
      [19, "egroup[1].password"],
      [22, "eroute[0].egroup"],
      [24, "eroute[0].peerip"],
      [25, "eroute[0].local_subnet"],
      [27, "eroute[0].remote_subnet[1]"],
      [29, "eroute[1].name"],
      [31, "eroute[1].peerid"],
      [32, "eroute[1].remote_subnet"],
      [34, "eroute[1].esp"],
      [37, "user[0].password"],
    ]);
  });

  test("no message holds a secret", () => {
    expect(JSON.stringify(faults(MANY_FAULTS))).not.toContain("hunter2");
    expect(JSON.stringify(faults('[[user]]\npassword = "hunter2'))).not.toContain("hunter2");
  });

  test("a fault reads as a line: place, key, value, what is expected", () => {
    const [fault] = faults('[ike]\nport = "500"\n');
    expect(fault && formatFault(fault)).toBe(
      'erouted.toml:2: ike.port is "500"; expected a whole number from 1 to 65535',
    );
  });
});

describe("TOML", () => {
  test("a damaged file is reported or read, whatever is missing from it", () => {
    const cuts = fc.tuple(
      fc.nat(MANY_FAULTS.length),
      fc.nat(40),
      fc.constantFrom("", "1", "[", '"'),
    );
    fc.assert(
      fc.property(cuts, ([from, count, instead]) => {
        const torn = MANY_FAULTS.slice(0, from) + instead + MANY_FAULTS.slice(from + count);
        for (const fault of faults(torn)) expect(formatFault(fault)).toStartWith("erouted.toml");
      }),
    );
  });

  test("a syntax fault has line and column", () => {
    const [fault] = faults('[ike]\nport = 500\nlisten = "0.0.0.0\n');
    expect(fault).toMatchObject({ file: "erouted.toml", path: "", line: 3 });
    expect(fault?.what).toContain("column 1");
  });

  test("a key that occurs twice is a syntax fault", () => {
    expect(faults("[ike]\nport = 1\nport = 2\n")).toMatchObject([{ line: 3 }]);
  });
});

describe("keys and types", () => {
  test("an unknown key is refused with the nearest known one", () => {
    expect(faults("[ike]\nlisen = 1\n")[0]).toMatchObject({
      path: "ike.lisen",
      what: "is not a known key",
      expected: "listen, if that was meant",
    });
    expect(faults("[log]\nzzz = 1\n")[0]?.expected).toBe("one of level, format");
    expect(faults("[[eroutes]]\n")[0]?.expected).toContain("eroute");
  });

  test("a section in the wrong number of brackets", () => {
    expect(faults('[egroup]\nname = "sites"\n')[0]).toMatchObject({
      path: "egroup",
      expected: expect.stringContaining("[[egroup]] in double brackets"),
    });
    expect(told("[[ike]]\nport = 500\n")).toEqual(["ike is a list that does not fit"]);
  });

  test("numbers have bounds, texts to choose from are listed", () => {
    expect(told("[ike]\nport = 0\nnat_port = 65536\ncookie_above = 1.5\n")).toHaveLength(3);
    expect(faults('[dataplane]\nkind = "ipfw"\n')[0]?.expected).toBe('"xfrm" or "none"');
    expect(told("[dataplane]\npolicy_hash = 33\npolicy_hash6 = true\n")).toHaveLength(2);
    expect(faults("[dataplane]\npolicy_hash = 0\n")[0]?.expected).toBe(
      "a prefix length from 1 to 32, or false to leave it to the kernel",
    );
    expect(told("[dynamic_eroutes]\nevict_below_free_percent = 100\n")).toHaveLength(1);
  });

  test("missing required keys are reported, each once", () => {
    expect(told("[[egroup]]\n[[eroute]]\n[[user]]\n")).toEqual([
      "egroup[0].name is missing",
      "egroup[0].database is missing",
      "eroute[0].name is missing",
      "eroute[0].peerid is missing",
      "eroute[0].local_subnet is missing",
      "eroute[0].remote_subnet is missing",
      "user[0].name is missing",
      "user[0] has no pre-shared key",
    ]);
    expect(told("[[eroute]]\nname = 5\n")).not.toContain("eroute[0].name is missing");
  });

  test("a secret in the file is refused with the way to write it", () => {
    const [fault] = faults('[[user]]\nname = "lab"\npassword = "hunter2"\n');
    expect(fault).toMatchObject({ path: "user[0].password", line: 3 });
    expect(fault?.expected).toContain("password_file");
    expect(faults('[status]\ntoken = "x"\n')[0]?.expected).toContain("token_file");
  });
});

describe("sections", () => {
  const inFleet = (line: string) => told(`${FLEET}${line}\n`);
  const inEgroup = (lines: string) => told(FLEET.replace("[[eroute]]", `${lines}\n[[eroute]]`));
  const withDatabase = (url: string) =>
    faults(FLEET.replace("mysql://erouted@db.example/vpn", url));

  test("[ike]: addresses once each, two ports", () => {
    expect(told("[ike]\nlisten = []\n")).toEqual(["ike.listen is empty"]);
    expect(told('[ike]\nlisten = ["::1", "0::1"]\n')).toEqual([
      "ike.listen[1] names ::1 a second time",
    ]);
    expect(told("[ike]\nport = 4500\n")).toEqual(["ike.nat_port is 4500, like port"]);
  });

  test("[status]: an address that others can reach needs a token", () => {
    for (const listen of ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "router.example:80"]) {
      expect(told(`[status]\nlisten = "${listen}"\n`)).toEqual([
        expect.stringContaining("there is no token"),
      ]);
    }
    for (const listen of ["", "8080", "[::1]", "[::1", "1.2.3.4.5:1", "localhost:0", "x:65536"]) {
      expect(told(`[status]\nlisten = "${listen}"\n`)).toHaveLength(1);
    }
  });

  test("[[egroup]]: databases that cannot be read say why", () => {
    const whats = (url: string) => withDatabase(url).map((fault) => fault.what);
    expect(whats("mysql://u:p@h/d")).toEqual(["holds a password"]);
    expect(whats("mysql://u:p@q/r@h/d")).toEqual(["holds a password"]);
    expect(whats("mysql://db.example/d")).toEqual(["names no user"]);
    expect(whats("mysql://u@h")).toEqual(["names no database after the host"]);
    expect(whats("mysql://u@/d")).toEqual(["names no host, or one that cannot be read"]);
    expect(whats("mysql://u@h:0/d")).toEqual(["names a port that does not exist"]);
    expect(whats("mysql://u@h/d?ssl=1")).toEqual(["has options after ? that are not known"]);
    expect(whats("mysql://u@h/d?socket=/x")).toEqual(["names both a host and a socket"]);
    expect(whats("mysql://u@192.0.2.300/d")).toHaveLength(1);
    expect(whats("mysql://u@%zz/d")).toHaveLength(1);
    expect(whats("sqlite:")).toEqual(["names no file"]);
    expect(whats("oracle://x")).toEqual(["is neither mysql://… nor sqlite:…"]);
  });

  test("[[egroup]]: secrets that cannot be read, are empty, or are given twice", () => {
    expect(inEgroup('password_file = "/missing"')[0]).toContain("no such file");
    expect(inEgroup('password_file = "/empty"')).toEqual([
      "egroup[0].password_file names an empty secret",
    ]);
    expect(inEgroup('password_file = "/two-lines"')).toHaveLength(1);
    expect(inEgroup('password_env = "NOT_SET"')[0]).toContain("NOT_SET");
    expect(inEgroup('password_env = "DB_PASSWORD"\npassword_file = "/empty"')).toEqual([
      "egroup[0].password_env is set beside password_file",
    ]);
  });

  test("[[egroup]]: required columns, and no column for two words", () => {
    expect(inEgroup('columns = { remip = "" }')).toEqual(['egroup[0].columns.remip is ""']);
    expect(inEgroup("columns = { peerid = false }")).toHaveLength(1);
    expect(inEgroup('columns = { peerid = "psk", password = "PSK" }')).toEqual([
      'egroup[0].columns.password is "PSK", which is peerid already',
    ]);
  });

  test("[[egroup]]: masks by family, TLS keys where they apply", () => {
    expect(inEgroup('remote_mask = "64"')).toHaveLength(1);
    expect(inEgroup('remote_mask6 = "255.255.255.0"')).toHaveLength(1);
    expect(inEgroup("remote_mask = 0")).toHaveLength(1);
    expect(inEgroup('tls = "off"\ntls_ca_file = "/ca.pem"')).toHaveLength(1);
    expect(inEgroup('tls_ca_file = "/empty"')[0]).toContain("holds no certificate");
    const sqlite = FLEET.replace("mysql://erouted@db.example/vpn", "sqlite:x");
    expect(told(sqlite.replace("[[eroute]]", 'tls = "off"\npool = 2\n[[eroute]]'))).toEqual([
      "egroup[0].tls has no meaning for an SQLite file",
      "egroup[0].pool has no meaning for an SQLite file",
    ]);
  });

  test("R9: a base eroute that sets a peer address is an error", () => {
    expect(inFleet('peerip = "192.0.2.1"')[0]).toContain(
      "eroute[0].peerip is set in a base eroute",
    );
    expect(inFleet('bakpeerip = "192.0.2.1"')[0]).toContain("eroute[0].bakpeerip");
  });

  test("R11: base eroutes that match the same ID are reported with patterns and ID", () => {
    const second = `[[eroute]]
name = "north"
egroup = "sites"
peerid = "*-1"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.16.0.0/16"
`;
    const [fault] = told(FLEET + second);
    expect(fault).toContain("eroute[1].peerid");
    for (const part of ['"*-1"', '"site-*"', "eroute fleet", '"site-1"']) {
      expect(fault).toContain(part);
    }
    expect(told(FLEET + second.replace("*-1", "north-*"))).toEqual([]);
  });

  test("[[eroute]]: a missing egroup, with the nearest name", () => {
    const text = FLEET.replace('egroup = "sites"', 'egroup = "sitse"');
    expect(faults(text)).toMatchObject([
      { path: "eroute[0].egroup", expected: "sites, if that was meant" },
    ]);
  });

  test("[[eroute]]: subnets with host bits are reported with what was meant", () => {
    const text = FLEET.replace("10.0.0.0/16", "10.0.9.1/255.255.0.0");
    expect(faults(text)).toMatchObject([
      { path: "eroute[0].local_subnet", expected: '"10.0.0.0/16", if that was meant' },
    ]);
    expect(told(FLEET.replace('"10.0.0.0/16"', '""'))).toEqual(["eroute[0].local_subnet is empty"]);
    expect(told(FLEET.replace('"10.0.0.0/16"', "[]"))).toEqual(["eroute[0].local_subnet is empty"]);
    expect(told(FLEET.replace("10.0.0.0/16", "2001:db8::/32"))).toEqual([
      "eroute[0].remote_subnet and local_subnet are of different IP versions",
    ]);
  });

  test("[[eroute]]: names, IDs, proposals, lifetimes", () => {
    expect(told(FLEET.replace('"fleet"', '"fleet/1"'))).toEqual(['eroute[0].name is "fleet/1"']);
    expect(told(FLEET.replace("site-*", ""))).toEqual(['eroute[0].peerid is "": it is empty']);
    expect(inFleet('ourid = " x"')).toHaveLength(1);
    expect(inFleet("ike = []")).toEqual(["eroute[0].ike is empty"]);
    expect(inFleet('ike = ["rot13"]')[0]).toContain('eroute[0].ike[0] is "rot13"');
    for (const lifetime of ["1s", "8d", "1", "h", "-1h", "1 h"]) {
      expect(inFleet(`lifetime = "${lifetime}"`)).toEqual([`eroute[0].lifetime is "${lifetime}"`]);
    }
    expect(inFleet('ike_lifetime = "4s"')).toEqual(['eroute[0].ike_lifetime is "4s"']);
    for (const bytes of ['"5 parsecs"', "5", '"5kB"', '"999999999999999TiB"', '"1.5GB"']) {
      expect(inFleet(`lifetime_bytes = ${bytes}`)).toHaveLength(1);
    }
    expect(inFleet("replay_window = 0")).toHaveLength(1);
  });

  test("R12: start = always wants one peer, and its address", () => {
    expect(inFleet('start = "sometimes"')).toHaveLength(1);
    expect(inFleet('start = "always"')).toEqual([
      'eroute[0].start is "always" in a base eroute, whose sites are known only from their rows',
    ]);
    const lab = `[[eroute]]\nname = "lab"\npeerid = "lab"\nlocal_subnet = "10.0.0.0/16"\n`;
    const always = `${lab}remote_subnet = "172.16.0.0/24"\nstart = "always"\n`;
    expect(told(always)).toContain('eroute[0].start is "always" without a peerip');
  });

  test("[[user]]: unique names, passwords in the format of their prefix", () => {
    const user = (name: string, file = "/etc/erouted/lab.secret") =>
      `[[user]]\nname = "${name}"\npassword_file = "${file}"\n`;
    expect(told(user("lab") + user("LAB"))).toEqual(['user[1].name is "LAB" for a second user']);
    expect(told(user("lab", "/hex"))[0]).toContain("begins with 0x");
    expect(told(user("x".repeat(256)))).toHaveLength(1);
    const second = '[[egroup]]\nname = "sites"\ndatabase = "sqlite:x"\n';
    expect(told(FLEET + second)).toEqual(['egroup[1].name is "sites" for a second egroup']);
  });

  test("a normal eroute's peer address is an address or a host name", () => {
    const lab = FLEET.replace('egroup = "sites"\n', "");
    expect(told(`${lab}peerip = "192.0.2.300"\n`)).toEqual([
      'eroute[0].peerip is "192.0.2.300", which is neither an IP address nor a host name',
    ]);
  });
});

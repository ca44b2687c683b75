/** PPKs in the configuration: rules of eroutes, and keys of local users (RFC 8784). */

import { expect, test } from "bun:test";
import { config, FLEET, told, warned } from "./read.ts";

const LAB = `[[eroute]]
name = "lab"
peerid = "lab-gw"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
`;

function user(...lines: readonly string[]): string {
  const head = ["[[user]]", 'name = "lab-gw"', 'password_file = "/etc/erouted/lab.secret"'];
  return `${[...head, ...lines].join("\n")}\n`;
}

const PPK = 'ppk_file = "/etc/erouted/lab.ppk"';

test("a site with a PPK has to use it, unless the eroute says otherwise", () => {
  expect(config(FLEET).plan.eroutes[0]?.ppk).toBe("if-set");
  for (const rule of ["if-set", "optional", "required", "off"] as const) {
    expect(config(`${FLEET}ppk = "${rule}"\n`).plan.eroutes[0]?.ppk).toBe(rule);
  }
  expect(told(`${FLEET}ppk = "never"\n`)).toEqual(['eroute[0].ppk is "never"']);
});

test("a user's PPK is identified by the user's name, or by an ID of its own", () => {
  const text = (octets: Uint8Array | undefined) => new TextDecoder().decode(octets);
  const ppkOf = (...lines: readonly string[]) => config(LAB + user(...lines)).plan.users[0]?.ppk;
  expect(ppkOf()).toBeUndefined();
  expect(ppkOf(PPK)?.key).toEqual(new Uint8Array(32).fill(0x7e));
  expect(text(ppkOf(PPK)?.id)).toBe("lab-gw");
  expect(text(ppkOf(PPK, 'ppk_id = "pq-1"')?.id)).toBe("pq-1");
  expect(ppkOf(PPK, 'ppk_id = "0x00ff"')?.id).toEqual(Uint8Array.of(0, 255));
});

test("an invalid PPK, one without ID, or one in the file itself is reported", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['ppk_file = "/hex"'], "user[0].ppk_file names a key that begins with 0x"],
    [['ppk_file = "/missing"'], 'user[0].ppk_file is "/missing": no such file'],
    [[PPK, 'ppk_env = "X"'], "user[0].ppk_env is set beside ppk_file"],
    [[PPK, 'ppk_id = "0xz"'], "user[0].ppk_id begins with 0x"],
    [[PPK, `ppk_id = "${"x".repeat(256)}"`], "user[0].ppk_id has 256 octets"],
    [['ppk_id = "pq-1"'], "user[0].ppk_id is set, but there is no key"],
    [['ppk = "0x00ff"'], "user[0].ppk would put a secret into this file"],
  ];
  for (const [lines, says] of cases) {
    expect(told(LAB + user(...lines))).toEqual([expect.stringContaining(says)]);
  }
});

test("RFC 8784 §6: a PPK of less than 256 bits is warned of", () => {
  expect(warned(LAB + user(PPK))).toEqual([]);
  expect(warned(LAB + user('ppk_file = "/short.ppk"'))).toEqual([
    "user[0].ppk_file names a key that has 16 bits: 256 random ones are expected",
  ]);
});

test("an eroute whose sites all need a PPK, and a user without one, are a fault", () => {
  const strict = `${LAB}ppk = "required"\n`;
  expect(told(strict + user(PPK))).toEqual([]);
  expect(told(strict + user())).toEqual([
    'user[0].name is "lab-gw", which has no PPK, but ppk of eroute lab is "required"',
  ]);
});

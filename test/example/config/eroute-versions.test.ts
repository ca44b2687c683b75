/** IKEv1 in the configuration: off unless an eroute allows it, with proposals of its own. */

import { expect, test } from "bun:test";
import { suiteText } from "../../../src/crypto/names.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { config, FLEET, told, warned } from "./read.ts";

const V1 = `${FLEET}ike_version = "v1"\n`;

function rule(lines: string) {
  return config(`${V1}${lines}\n`).plan.eroutes[0]?.versions.v1;
}

function texts(suites: readonly Suite[] | undefined): readonly string[] {
  return (suites ?? []).map(suiteText);
}

test("RFC 9395: IKEv1 is not allowed unless the eroute says so", () => {
  expect(config(FLEET).plan.eroutes[0]?.versions).toEqual({ v2: true, v1: undefined });
  expect(config(V1).plan.eroutes[0]?.versions).toMatchObject({ v2: false, v1: { mode: "both" } });
  const both = config(`${FLEET}ike_version = "both"\n`).plan.eroutes[0]?.versions;
  expect(both).toMatchObject({ v2: true, v1: { legacy: false, xauth: false } });
  expect(told(`${FLEET}ike_version = "1"\n`)).toEqual(['eroute[0].ike_version is "1"']);
});

test("by default IKEv1 has AES and SHA-2 with groups 14 and 19; legacy adds what is weak", () => {
  const hashes =
    "HMAC_SHA2_256_128/HMAC_SHA2_384_192/HMAC_SHA2_512_256/" +
    "PRF_HMAC_SHA2_256/PRF_HMAC_SHA2_384/PRF_HMAC_SHA2_512";
  const strong = `AES_CBC_256/AES_CBC_128/${hashes}/MODP_2048/ECP_256`;
  expect(texts(rule("")?.ike)).toEqual([strong]);
  expect(texts(rule("")?.esp).join()).not.toMatch(/SHA1|MD5|DES|X25519|\/ESN/);
  const legacy = rule("legacy = true");
  expect(texts(legacy?.ike)[0]).toBe(strong);
  expect(texts(legacy?.ike)[1]).toMatch(/3DES.*SHA1_96.*SHA1\/PRF_HMAC_MD5.*MODP_1536\/MODP_1024$/);
  expect(texts(legacy?.esp).at(-1)).toMatch(/3DES\/HMAC_SHA1_96\/HMAC_MD5_96/);
});

test("each version takes the proposals that it can express", () => {
  const text = `${FLEET}ike_version = "both"
legacy = true
ike = ["aes256gcm16-prfsha256-x25519", "aes256-sha256-modp2048", "3des-md5-modp1024"]
esp = ["aes256gcm16-x25519", "aes128gcm16", "3des-sha1"]
`;
  const eroute = config(text).plan.eroutes[0];
  expect(texts(eroute?.ike).length).toBe(2);
  expect(texts(eroute?.versions.v1?.ike)).toEqual([
    "AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048",
    "3DES/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024",
  ]);
  expect(texts(eroute?.esp)).toEqual([
    "AES_GCM_16_256/X25519/ESN/NO_ESN",
    "AES_GCM_16_128/ESN/NO_ESN",
  ]);
});

test("weak words need legacy, and IKEv1", () => {
  const weak = 'ike = "3des-sha1-modp1024"\n';
  expect(told(`${V1}${weak}`)).toEqual([expect.stringContaining("legacy = true allows it")]);
  expect(told(`${FLEET}legacy = true\n${weak}`)).toEqual([expect.stringContaining("too weak")]);
  expect(told(`${V1}legacy = true\n${weak}`)).toEqual([]);
  expect(told(`${V1}ike = "aes128-sha1-modp2048"\n`)).toEqual([
    "eroute[0].ike has no proposal that IKEv1 can use",
  ]);
});

test("a proposal list without one for a version that is allowed is a fault", () => {
  const both = `${FLEET}ike_version = "both"\nlegacy = true\n`;
  expect(told(`${V1}ike = "aes256gcm16-prfsha256-x25519"\n`)).toEqual([
    "eroute[0].ike has no proposal that IKEv1 can use",
  ]);
  expect(told(`${both}esp = "3des-md5"\n`)).toEqual([
    "eroute[0].esp has no proposal that IKEv2 can use",
  ]);
});

test("what Aggressive Mode and legacy cost is said; keys of IKEv1 without IKEv1 do nothing", () => {
  expect(warned(V1)).toEqual([expect.stringContaining("ike_version allows Aggressive Mode")]);
  expect(warned(`${V1}ikev1_mode = "main"\n`)).toEqual([]);
  expect(warned(`${V1}ikev1_mode = "main"\nlegacy = true\n`)).toEqual([
    expect.stringContaining("legacy allows 3DES"),
  ]);
  expect(warned(`${FLEET}xauth = true\n`)).toEqual([
    "eroute[0].xauth is set, but IKEv1 is not allowed",
  ]);
  expect(warned(`${FLEET}mode_config = "push"\n`)).toEqual([
    "eroute[0].mode_config is set, but IKEv1 is not allowed",
  ]);
});

test("mode_config: sites ask for their address, unless the eroute pushes it", () => {
  const rule = (more: string) => config(`${V1}${more}`).plan.eroutes[0]?.versions.v1?.pushesConfig;
  expect(rule("")).toBe(false);
  expect(rule('mode_config = "pull"\n')).toBe(false);
  expect(rule('mode_config = "push"\n')).toBe(true);
  expect(told(`${V1}mode_config = "both"\n`)).toEqual([expect.stringContaining("mode_config")]);
});

test("a weak password of a user is warned of where Aggressive Mode is allowed", () => {
  const lab = `[[eroute]]
name = "lab"
peerid = "lab-gw"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
ike_version = "v1"
[[user]]
name = "lab-gw"
password_file = "/etc/erouted/lab.secret"
`;
  expect(warned(lab).join()).toMatch(/user\[0\] has a password that has 12 characters/);
  expect(warned(lab.replace('"v1"', '"v1"\nikev1_mode = "main"'))).toEqual([]);
});

test("R12: sites of IKEv1 are called for traffic, unless the eroute says never", () => {
  expect(config(V1).plan.eroutes[0]?.life.start).toBe("on-traffic");
  expect(config(`${FLEET}ike_version = "both"\n`).plan.eroutes[0]?.life.start).toBe("on-traffic");
  expect(config(`${V1}start = "never"\n`).plan.eroutes[0]?.life.start).toBe("never");
});

test("a user whose name no eroute matches is one of XAUTH, where an eroute has that", () => {
  const user = '[[user]]\nname = "alice"\npassword_file = "/etc/erouted/lab.secret"\n';
  expect(warned(`${V1}ikev1_mode = "main"\n${user}`)).toEqual([
    'user[0].name is "alice", which no eroute\'s peerid matches (R3)',
  ]);
  expect(warned(`${V1}ikev1_mode = "main"\nxauth = true\n${user}`)).toEqual([]);
});

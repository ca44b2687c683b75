/** `erouted import saros`: eroutes of routers with IKEv1, and of those told to use IKEv2. */

import { expect, test } from "bun:test";
import { parse } from "smol-toml";
import { translateSaros } from "../../../src/cli/saros/translate.ts";

const ROUTER = `
eroute 0 peerid "lab"
eroute 0 peerip 198.51.100.7
eroute 0 locip 10.0.0.0
eroute 0 locmsk 255.255.0.0
eroute 0 remip 172.20.0.0
eroute 0 remmsk 255.255.255.0
eroute 0 authmeth PRESHARED
eroute 0 ESPenc 3DES
eroute 0 ESPauth MD5
ike 0 encalg AES
ike 0 keybits 256
ike 0 authalg SHA1
ike 0 ikegroup 2
ike 0 aggressive ON
`;

function translated(text: string) {
  const done = translateSaros(text, { secretsFolder: undefined, encoding: "UTF-8" });
  if ("faults" in done) throw new Error(JSON.stringify(done.faults));
  const [eroute] = parse(done.toml).eroute as readonly unknown[];
  return { eroute, notes: done.notes.map(({ setting, detail }) => `${setting}: ${detail}`) };
}

test("IKEv1 with 3DES, MD5 and group 2 works, beside a strong proposal for IKEv2", () => {
  const { eroute, notes } = translated(ROUTER);
  expect(eroute).toMatchObject({
    ike_version: "both",
    legacy: true,
    ike: ["aes256-sha256-modp2048", "aes256-sha1-modp1024"],
    esp: ["aes256-sha256", "3des-md5"],
  });
  expect(notes).toContain("eroute 0 espenc: proposal 3des-md5 of IKEv1, with legacy");
  expect(notes.join("\n")).toContain("ike 0 aggressive: ikev1_mode both");
});

test("an eroute of IKEv2 stays one: what is weak is left out, and IKEv1 is not allowed", () => {
  const { eroute, notes } = translated(`${ROUTER}eroute 0 ikever 2\n`);
  for (const key of ["ike_version", "legacy", "ike", "esp"]) expect(eroute).not.toHaveProperty(key);
  expect(notes.join("\n")).toContain("group 2 is not offered by erouted");
});

test("strong proposals need no legacy", () => {
  const strong = ROUTER.replace("3DES", "AES")
    .replace("MD5", "SHA256")
    .replace("SHA1", "SHA256")
    .replace("ikegroup 2", "ikegroup 14");
  const { eroute } = translated(strong);
  expect(eroute).not.toHaveProperty("legacy");
  expect(eroute).toMatchObject({ ike: "aes256-sha256-modp2048", esp: "aes128-sha256" });
});

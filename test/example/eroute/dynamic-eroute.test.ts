/** A row becomes a dynamic eroute, or a reason in words (R4, R6, R9, R10). */

import { describe, expect, test } from "bun:test";
import { type DynamicEroute, dynamicErouteOf } from "../../../src/eroute/dynamic-eroute.ts";
import { asPeerId } from "../../../src/eroute/peer-id.ts";
import { pskOf } from "../../../src/eroute/psk.ts";
import type { PeerRow } from "../../../src/eroute/row.ts";
import type { RowFault } from "../../../src/eroute/row-fault.ts";
import { formatPrefix } from "../../../src/inet/prefix.ts";
import { baseEroute, egroup, peerRow, prefix } from "./plan.ts";

const BASE = baseEroute();
const GROUP = egroup();

function made(changes: Partial<PeerRow>, base = BASE, group = GROUP): DynamicEroute {
  const result = dynamicErouteOf(base, group, asPeerId("site-1"), [peerRow(changes)]);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

function refused(changes: Partial<PeerRow>, base = BASE, group = GROUP): RowFault {
  const result = dynamicErouteOf(base, group, asPeerId("site-1"), [peerRow(changes)]);
  if (result.ok) throw new Error("the row was taken");
  return result.error;
}

function refusedRows(rows: readonly PeerRow[]): RowFault["kind"] | undefined {
  const result = dynamicErouteOf(BASE, GROUP, asPeerId("site-1"), rows);
  return result.ok ? undefined : result.error.kind;
}

const subnetOf = (eroute: DynamicEroute) => eroute.remoteSubnets.map(formatPrefix).join();

describe("R4: made from base eroute and row", () => {
  test("password_format of the egroup says how passwords are read", () => {
    const octets = (password: string, passwordFormat: "text" | "hex" | "base64") =>
      made({ password }, BASE, egroup({ passwordFormat })).psk?.toHex();
    expect(octets("0x00ff", "text")).toBe("307830306666");
    expect(octets("00FF", "hex")).toBe("00ff");
    expect(octets(" 00ff\n", "hex")).toBe("00ff");
    expect(octets("AP8=", "base64")).toBe("00ff");
    for (const [password, passwordFormat] of [
      ["0x00ff", "hex"],
      ["00f", "hex"],
      ["correct horse", "base64"],
    ] as const) {
      const fault = refused({ password }, BASE, egroup({ passwordFormat }));
      expect(fault.kind).toBe("bad-password");
      expect(fault.detail).toContain(`password_format = "${passwordFormat}"`);
      expect(fault.detail).not.toContain(password);
    }
  });

  test("R4: it is named after base eroute and peer ID", () => {
    expect(made({}).name).toBe("fleet/site-1");
  });

  test("R9: peer address and backup peer address come from the row", () => {
    const eroute = made({ peerip: "198.51.100.7", bakpeerip: " gw-2.example " });
    expect(eroute.peerip).toMatchObject({ host: "198.51.100.7", address: { family: 4 } });
    expect(eroute.bakpeerip).toEqual({ host: "gw-2.example", address: undefined });
    expect(made({ peerip: "2001:db8::1" }).peerip).toMatchObject({ address: { family: 6 } });
    expect(made({ peerip: "" }).peerip).toBeUndefined();
  });

  test("R10: the local subnets are the base eroute's, the remote one is the row's", () => {
    const eroute = made({});
    expect(eroute.localSubnets).toEqual(BASE.localSubnets);
    expect(subnetOf(eroute)).toBe("192.168.1.0/24");
  });

  test("the row's ourid overrides the base eroute's", () => {
    expect(made({ ourid: "other.example" }).ourid).toBe("other.example");
    expect(made({ ourid: "" }).ourid).toBe("concentrator.example");
    expect(made({ ourid: null }).ourid).toBe("concentrator.example");
  });
});

describe("subnet and mask of a row", () => {
  test("all ways to write a mask give the same subnet", () => {
    const ways: readonly Partial<PeerRow>[] = [
      { remip: "192.168.1.0", remmsk: "255.255.255.0" },
      { remip: "192.168.1.0", remmsk: "24" },
      { remip: "192.168.1.0", remmsk: "/24" },
      { remip: "192.168.1.0/24", remmsk: null },
      { remip: "192.168.1.0/24", remmsk: "255.255.255.0" },
      { remip: "192.168.1.0/255.255.255.0", remmsk: "" },
      { remip: " 192.168.1.0 ", remmsk: " 24 " },
    ];
    for (const way of ways) expect(subnetOf(made(way))).toBe("192.168.1.0/24");
  });

  test("host bits are cleared, as the routers do", () => {
    expect(subnetOf(made({ remip: "192.168.1.1", remmsk: "255.255.255.0" }))).toBe(
      "192.168.1.0/24",
    );
  });

  test("R12: a row without mask has its egroup's, by family", () => {
    expect(subnetOf(made({ remmsk: null }))).toBe("192.168.1.0/24");
    const base = baseEroute({ remoteSubnets: [prefix("2001:db8::/32")] });
    const group = egroup({ remoteMask: { v4: 24, v6: 64 } });
    const row = { remip: "2001:db8:0:1::", remmsk: null };
    expect(subnetOf(made(row, base, group))).toBe("2001:db8:0:1::/64");
    expect(refused(row, base)).toMatchObject({ kind: "bad-mask" });
    expect(refused(row, base).detail).toContain("remote_mask6 of egroup sites");
  });

  test("IPv6 subnets are accepted like IPv4 ones", () => {
    const base = baseEroute({ remoteSubnets: [prefix("2001:db8::/32")] });
    const remip = "2001:db8:7::1";
    expect(subnetOf(made({ remip, remmsk: "ffff:ffff:ffff::" }, base))).toBe("2001:db8:7::/48");
    expect(subnetOf(made({ remip: `${remip}/48`, remmsk: null }, base))).toBe("2001:db8:7::/48");
    expect(refused({ remip, remmsk: "255.255.255.0" }, base).kind).toBe("bad-mask");
  });
});

describe("R6: a row with not enough or invalid fields", () => {
  test("R6: no row for this ID", () => {
    expect(refusedRows([])).toBe("no-row");
    expect(refusedRows([peerRow({ peerid: "site-1 " }), peerRow({ peerid: "síte-1" })])).toBe(
      "no-row",
    );
    expect(refusedRows([peerRow({ peerid: "SITE-1" })])).toBeUndefined();
  });

  test("R6: two rows for this ID", () => {
    expect(refusedRows([peerRow(), peerRow({ peerid: "Site-1" })])).toBe("duplicate-rows");
    expect(refusedRows([peerRow(), peerRow({ peerid: "site-2" })])).toBeUndefined();
  });

  test("R6: no password, or one that does not match its prefix", () => {
    expect(refused({ password: null }).kind).toBe("no-password");
    expect(refused({ password: "" }).kind).toBe("no-password");
    const fault = refused({ password: "0xc0ffeg" });
    expect(fault).toMatchObject({ kind: "bad-password", column: "password" });
    expect(fault.detail).not.toContain("c0ffeg");
  });

  test("R6: no subnet, or none that can be read", () => {
    expect(refused({ remip: null })).toMatchObject({ kind: "no-subnet", column: "remip" });
    expect(refused({ remip: " " }).kind).toBe("no-subnet");
    expect(refused({ remip: "192.168.1" })).toMatchObject({ kind: "bad-subnet" });
  });

  test("R6: a mask with holes, too long, or different from the one in remip", () => {
    expect(refused({ remmsk: "255.0.255.0" })).toMatchObject({
      kind: "bad-mask",
      column: "remmsk",
    });
    expect(refused({ remip: "192.168.1.0/33" })).toMatchObject({
      kind: "bad-mask",
      column: "remip",
    });
    expect(refused({ remip: "192.168.1.0/24", remmsk: "25" }).kind).toBe("bad-mask");
  });

  test("R6: a peer address that is neither address nor host name", () => {
    for (const peerip of ["198.51.100.300", "not a name", "-x.example", "0.0.0.0", "a..b"]) {
      expect(refused({ peerip })).toMatchObject({ kind: "bad-peer-address", column: "peerip" });
    }
    expect(refused({ bakpeerip: "?" })).toMatchObject({ column: "bakpeerip" });
  });

  test("R6: an ourid that no ID payload can carry", () => {
    expect(refused({ ourid: "x".repeat(256) }).kind).toBe("bad-our-id");
    expect(refused({ ourid: "a\nb" }).kind).toBe("bad-our-id");
  });

  test("R10: a row whose subnet lies outside the base eroute's is refused", () => {
    const outside = refused({ remip: "192.168.2.0" });
    expect(outside).toMatchObject({ kind: "outside-base-subnet", column: "remip" });
    expect(outside.detail).toContain("192.168.2.0/24");
    expect(outside.detail).toContain("192.168.0.0/23");
    expect(refused({ remip: "192.168.0.0", remmsk: "22" }).kind).toBe("outside-base-subnet");
    expect(subnetOf(made({ remip: "192.168.0.0", remmsk: "23" }))).toBe("192.168.0.0/23");
  });
});

describe("passwords", () => {
  const octetsOf = (text: string) => {
    const psk = pskOf(text);
    return psk.ok ? [...psk.value] : psk.error;
  };

  test("0x is hexadecimal, 0s base64, anything else text", () => {
    expect(octetsOf("0xC0ffee")).toEqual([0xc0, 0xff, 0xee]);
    expect(octetsOf("0sAQID")).toEqual([1, 2, 3]);
    expect(octetsOf("0sAQI=")).toEqual([1, 2]);
    expect(octetsOf("0sAQI")).toEqual([1, 2]);
    expect(octetsOf("é ")).toEqual([0xc3, 0xa9, 0x20]);
  });

  test("what follows 0x and 0s has to match", () => {
    for (const text of ["0x", "0xabc", "0xgg"]) expect(octetsOf(text)).toContain("hex digits");
    for (const text of ["0s", "0sA", "0sAQID=", "0s*", "0sAQ=", "0s===="]) {
      expect(octetsOf(text)).toContain("base64");
    }
    expect(octetsOf("")).toBe("is empty");
  });
});

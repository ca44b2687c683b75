/** Faults and warnings that say what was probably meant. */

import { describe, expect, test } from "bun:test";
import { warningText } from "../../../src/daemon/reload.ts";
import { FLEET, faults, warned } from "./read.ts";

describe("hints", () => {
  test("a key of another table is reported with its place", () => {
    const wrong = FLEET.replace("peerid =", 'remote_mask = "255.255.255.0"\npeerid =');
    expect(faults(wrong)).toMatchObject([
      {
        path: "eroute[0].remote_mask",
        what: "stands in the wrong place",
        expected: "it in [[egroup]]",
      },
    ]);
    expect(faults(`${FLEET}\n[log]\nnat_keepalive = "1s"`)).toMatchObject([
      { path: "log.nat_keepalive", expected: "it in [ike]" },
    ]);
    // A key that several tables have gives no hint.
    expect(faults(`${FLEET}\n[log]\nname = "x"`)[0]?.what).toBe("is not a known key");
  });

  test("a table or column with blanks in its name gets the hint of a view", () => {
    const [fault] = faults(FLEET.replace("[[eroute]]", 'columns.peerid = "device id"\n[[eroute]]'));
    expect([fault?.path, fault?.what, fault?.expected]).toEqual([
      ...["egroup[0].columns.peerid", 'is "device id", with blanks'],
      expect.stringContaining("a view can give the table or column such a name"),
    ]);
  });

  test("a regular expression for peerid is warned of, with the available wildcards", () => {
    for (const text of ["site-[0-9]+", "site-.*", "^site", "site$", "(a|b)-1", "site-\\\\d"]) {
      const told = warned(FLEET.replace("site-*", text)).join();
      expect([text, told]).toEqual([text, expect.stringContaining("looks like a regular expr")]);
    }
    for (const text of ["site-*", "a.b?c", "C=CH, O=Fleet, CN=*", "user+tag@example.com"]) {
      expect(warned(FLEET.replace("site-*", text)).join()).not.toContain("regular expression");
    }
  });

  test("a warning about the whole file stands by itself, without an empty path", () => {
    expect(warningText({ path: "", what: "there is no [[eroute]]" })).toBe(
      "there is no [[eroute]]",
    );
    expect(warningText({ path: "ike.port", what: "is odd" })).toBe("ike.port: is odd");
  });
});

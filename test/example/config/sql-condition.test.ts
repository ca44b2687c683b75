/** `where` of an egroup: text that could reach beyond the condition is refused. */

import { expect, test } from "bun:test";
import { conditionFault } from "../../../src/config/sql-condition.ts";

test("conditions as people write them are accepted", () => {
  const good = [
    "active = 1",
    "kind = 'vpn' AND (active = 1 OR expires > now())",
    "name = 'it''s; -- ? # fine' and `odd name` = \"x)\"",
    "id IN (SELECT id FROM sites)",
    "a - -1 > 0",
  ];
  for (const text of good) expect([text, conditionFault(text)]).toEqual([text, undefined]);
});

test("text that would end the condition, or hide the rest of the statement, is refused", () => {
  const bad = [
    "",
    "  ",
    "1=1) or (1=1",
    "1=1; drop table eroutes",
    "active = ?",
    "1=1 -- ",
    "1=1 # ",
    "1=1 /* ",
    "name = 'open",
    "name = 'a\\' or 1=1 --'",
    "(active = 1",
    "active = 1)",
    "active\u0000",
    `active = ${"1".repeat(1_000)}`,
  ];
  for (const text of bad) expect([text, typeof conditionFault(text)]).toEqual([text, "string"]);
});

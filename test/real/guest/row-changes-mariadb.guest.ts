/** Rows in MariaDB change while their sites are up. */

import { afterAll } from "bun:test";
import { type GuestMariadb, startGuestMariadb } from "./mariadb.ts";
import { rowChanges } from "./row-changes.ts";

let mariadb: GuestMariadb | undefined;

rowChanges(async () => {
  mariadb = await startGuestMariadb();
  return mariadb;
});

afterAll(async () => await mariadb?.stop());

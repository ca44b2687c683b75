/** The contract of the peer table, with a real MariaDB. */

import type { MysqlSettings } from "../../src/eroute/database.ts";
import { peersContract } from "../contract/peers.ts";
import { MARIADB_USER, mariadbSettings, startMariadb } from "./mariadb.ts";

peersContract("MariaDB", async () => {
  const server = await startMariadb();
  return {
    settings: (table, changes) =>
      mariadbSettings(server, { table, ...(changes as Partial<MysqlSettings>) }),
    async sql(statement) {
      await server.sql(`use ${MARIADB_USER.database}`, statement);
    },
    dispose: () => server.dispose(),
  };
});

/** The contract of the peer table, with a real MariaDB. */

import { COLUMNS_OF_FEW, type MysqlSettings } from "../../src/eroute/database.ts";
import { peersContract } from "../contract/peers.ts";
import { ALL_COLUMNS } from "../contract/peers-ground.ts";
import { MARIADB_USER, mariadbSettings, startMariadb } from "./mariadb.ts";

peersContract("MariaDB", async () => {
  const server = await startMariadb();
  return {
    settings: (table, changes) =>
      mariadbSettings(server, {
        ...{ table, columns: ALL_COLUMNS, presumed: COLUMNS_OF_FEW },
        ...(changes as Partial<MysqlSettings>),
      }),
    async sql(statement) {
      await server.sql(`use ${MARIADB_USER.database}`, statement);
    },
    dispose: () => server.dispose(),
  };
});

/** Rows in SQLite change while their sites are up. */

import { rowChanges } from "./row-changes.ts";

rowChanges(() => Promise.resolve(undefined));

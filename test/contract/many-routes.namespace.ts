/** Routes among very many of another program, for a network namespace of its own. */

import { layCable } from "./linux-kernel.ts";
import { manyRoutesContract } from "./linux-routes.ts";

layCable();
manyRoutesContract();

/** The rows of the table of interoperability with strongSwan 5.9. */

import { interoperability } from "./interoperability.ts";
import { strongSwanTrials } from "./interoperability-peers.ts";

interoperability(strongSwanTrials("strongswan"));

/** The rows of the table of interoperability with strongSwan 6.1. */

import { interoperability } from "./interoperability.ts";
import { strongSwanTrials } from "./interoperability-peers.ts";

interoperability(strongSwanTrials("strongswan-newer"));

/** The rows of the table of interoperability with OpenIKED 7.4. */

import { interoperability } from "./interoperability.ts";
import { openikedTrials } from "./interoperability-peers.ts";

interoperability(openikedTrials("openiked-newer"));

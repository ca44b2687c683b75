/** The rows of the table of interoperability with libreswan 4.10. */

import { interoperability } from "./interoperability.ts";
import { libreswanTrials } from "./interoperability-peers.ts";

interoperability(libreswanTrials("libreswan"));

/** erouted calls strongSwan and libreswan in Main Mode of IKEv1, without PFS (R12). */

import { testCalls } from "./ikev1-called.ts";

testCalls({ mode: "main", esp: { strongswan: "aes256-sha256", libreswan: ["pfs=no"] } });

/** erouted calls strongSwan and libreswan in Aggressive Mode of IKEv1, with PFS (R12). */

import { testCalls } from "./ikev1-called.ts";

testCalls({
  mode: "aggressive",
  esp: { strongswan: "aes256-sha256-modp2048", libreswan: ["pfs=yes"] },
});

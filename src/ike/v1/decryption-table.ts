/** A line of Wireshark's `ikev1_decryption_table`: the initiator's cookie and the cipher's key. */

import { spi64Hex, toHex } from "../../octets/hex.ts";
import type { IkeSa } from "./every-phase.ts";

/** Undefined while it has no keys. A secret. */
export function decryptionTableLine(sa: IkeSa): string | undefined {
  return "keys" in sa ? `${spi64Hex(sa.id.spiI)},${toHex(sa.keys.cipherKey)}` : undefined;
}

/** Which of Wireshark's tables a file of keys is. */

import { expect, test } from "bun:test";
import { decryptionTableOf } from "../../../src/cli/capture.ts";

const HEAD = "# erouted 1.0, keys\n";

test("keys of IKEv1 have a table of their own, whatever the head of the file says", () => {
  expect(decryptionTableOf(`${HEAD}0011223344556677,00ff\n`)).toBe("ikev1_decryption_table");
  const newer = '0011223344556677,8899aabbccddeeff,00,ff,"AES-GCM-256",,,"NONE"\n';
  expect(decryptionTableOf(HEAD + newer)).toBe("ikev2_decryption_table");
  expect(decryptionTableOf(HEAD)).toBe("ikev2_decryption_table");
});

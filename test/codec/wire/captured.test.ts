/** Messages of other implementations are understood, and written back octet for octet. */

import { expect, test } from "bun:test";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { IKE_SCAN_IKE_SA_INIT, STRONGSWAN_IKE_SA_INIT } from "./captured.ts";
import { readMessage } from "./read-message.ts";

test("an IKE_SA_INIT of strongSwan says what its log said", () => {
  const message = readMessage(STRONGSWAN_IKE_SA_INIT, "plain");
  if (!message.ok || message.value.kind !== "plain") throw new Error("not read");
  const { header, payloads } = message.value;
  expect(header).toMatchObject({
    spiI: 0xbc544473a0739a0bn,
    spiR: 0n,
    exchangeType: 34,
    messageId: 0,
    length: 980,
  });
  // generating IKE_SA_INIT request 0
  // [ SA KE No N(NATD_S_IP) N(NATD_D_IP) N(FRAG_SUP) N(HASH_ALG) N(REDIR_SUP) ]
  expect(payloads.map((p) => (p.kind === "NOTIFY" ? p.type : p.kind))).toEqual([
    "SA",
    "KE",
    "NONCE",
    NotifyType.NAT_DETECTION_SOURCE_IP,
    NotifyType.NAT_DETECTION_DESTINATION_IP,
    NotifyType.IKEV2_FRAGMENTATION_SUPPORTED,
    NotifyType.SIGNATURE_HASH_ALGORITHMS,
    NotifyType.REDIRECT_SUPPORTED,
  ]);
  const [sa, ke] = payloads;
  expect(ke).toMatchObject({ kind: "KE", method: 31 });
  if (sa?.kind !== "SA") throw new Error("no SA payload");
  expect(sa.proposals.map((p) => [p.number, p.transforms.length])).toEqual([
    [1, 5],
    [2, 34],
    [3, 36],
    [4, 3],
  ]);
  // proposals = aes256-sha256-x25519-modp2048: strongSwan derives the PRF from the hash
  expect(sa.proposals[0]?.transforms.map((t) => [t.type, t.id, t.keyBits])).toEqual([
    [1, 12, 256],
    [3, 12, undefined],
    [2, 5, undefined],
    [4, 31, undefined],
    [4, 14, undefined],
  ]);
  expect(emitMessage(header, payloads)).toEqual(STRONGSWAN_IKE_SA_INIT);
});

test("an IKE_SA_INIT of ike-scan is read and written back", () => {
  const message = readMessage(IKE_SCAN_IKE_SA_INIT, "plain");
  if (!message.ok || message.value.kind !== "plain") throw new Error("not read");
  const { header, payloads } = message.value;
  expect(payloads.map((p) => p.kind)).toEqual(["SA", "KE", "NONCE"]);
  expect(emitMessage(header, payloads)).toEqual(IKE_SCAN_IKE_SA_INIT);
});

/** Main Mode with RSA signatures, in fragments, as strongSwan does it (RFC 2409 §5.1). */

import { expect, test } from "bun:test";
import { isakmpEncryptionFor, isakmpPrfFor } from "../../../../src/crypto/ikev1.ts";
import { performSignature } from "../../../../src/crypto/signature-work.ts";
import { readTrustAnchors } from "../../../../src/crypto/signing-key.ts";
import { Encr, PrfId } from "../../../../src/crypto/transform.ts";
import { decryptPayloads, phase1Iv } from "../../../../src/ike/v1/cipher.ts";
import { addFragment, type Reassembly } from "../../../../src/ike/v1/fragments.ts";
import { deriveIsakmpKeys, hashI, hashR, signatureSkeyid } from "../../../../src/ike/v1/keys.ts";
import { asInstant } from "../../../../src/octets/instant.ts";
import { IKE_HEADER_OCTETS, parseHeader } from "../../../../src/wire/header.ts";
import recorded from "../../vectors/ikev1_strongswan_rsa.json";
import { hex, payloadsIn, the } from "./golden.ts";

const { keys, recordedMs } = recorded;
const NOW = asInstant(0);
const messages = wholeMessages();
const [offer, , requestKe, answerKe, fifth, sixth] = messages;
if (offer === undefined || requestKe === undefined || answerKe === undefined) throw new Error();
if (fifth === undefined || sixth === undefined) throw new Error("six messages were recorded");

const encr = isakmpEncryptionFor(Encr.AES_CBC, 256);
const prf = isakmpPrfFor(PrfId.HMAC_SHA2_256);
if (encr === undefined || prf === undefined) throw new Error("built in");
const algorithms = { encr, prf, ke: 14 };

const cookies = { spiI: answerKe.header.spiI, spiR: answerKe.header.spiR };
const [fromI, fromR] = [clear(requestKe), clear(answerKe)];
const gxi = the("KE", fromI).data;
const gxr = the("KE", fromR).data;
const transcript = { ...cookies, gxi, gxr, SAi_b: the("SA", clear(offer)).body };
const nonces = { Ni: the("NONCE", fromI).data, Nr: the("NONCE", fromR).data };
const sharedSecret = hex(keys.sharedSecret);
const SKEYID = signatureSkeyid(prf, nonces, sharedSecret);
const derived = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });

const first = decryptPayloads(
  algorithms,
  derived.cipherKey,
  phase1Iv(algorithms, gxi, gxr),
  fifth.body,
);
if (first === undefined) throw new Error("no whole blocks");
const second = decryptPayloads(algorithms, derived.cipherKey, first.iv, sixth.body);
if (second === undefined) throw new Error("no whole blocks");
const proofI = payloadsIn(fifth.header.nextPayload, first.octets);
const proofR = payloadsIn(sixth.header.nextPayload, second.octets);

test("SKEYID for signatures, and the keys made from it", () => {
  expect(SKEYID.toHex()).toBe(keys.SKEYID);
  expect(derived.SKEYID_d.toHex()).toBe(keys.SKEYID_d);
  expect(derived.SKEYID_a.toHex()).toBe(keys.SKEYID_a);
  expect(derived.SKEYID_e.toHex()).toBe(keys.SKEYID_e);
});

test("both ends have signed their hash, and their certificates are of the authority", () => {
  const hashes = [
    [hashI(prf, SKEYID, transcript, the("ID", proofI).body), keys.HASH_I, proofI, "site-4711"],
    [
      hashR(prf, SKEYID, transcript, the("ID", proofR).body),
      keys.HASH_R,
      proofR,
      "concentrator.example",
    ],
  ] as const;
  for (const [hash, logged, proof, name] of hashes) {
    expect(hash.toHex()).toBe(logged);
    const request = {
      op: "verify",
      isHash: true,
      octets: hash,
      method: 3,
      signature: the("SIG", proof).data,
      certificates: [the("CERT", proof).data],
      anchors: anchors(),
    } as const;
    const judged = performSignature(request, recordedMs);
    if (!judged.ok || judged.value.op !== "verify") throw new Error(JSON.stringify(judged));
    expect(judged.value.holder.dnsNames).toEqual([name]);
    const other = performSignature({ ...request, octets: hash.with(0, 1) }, recordedMs);
    expect(other.ok ? "" : other.error.kind).toBe("wrong-signature");
  }
});

function clear({ header, body }: (typeof messages)[number]) {
  return payloadsIn(header.nextPayload, body);
}

/** The recorded datagrams, those in fragments put together. */
function wholeMessages() {
  let known: Reassembly | undefined;
  return recorded.messages.flatMap(({ octets }) => {
    const read = readDatagram(hex(octets));
    const [only] = read.header.nextPayload === 132 ? clear(read).payloads : [];
    if (only?.kind !== "FRAGMENT") return [read];
    const added = addFragment(known, read.header, only, NOW);
    known = added.kind === "incomplete" ? added.reassembly : undefined;
    return added.kind === "whole" ? [readDatagram(added.octets)] : [];
  });
}

function readDatagram(octets: Uint8Array) {
  const header = parseHeader(octets);
  if (!header.ok) throw new Error(header.error.detail);
  return { header: header.value, body: octets.subarray(IKE_HEADER_OCTETS) };
}

function anchors() {
  const base64 = hex(recorded.authority).toBase64();
  const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  const read = readTrustAnchors(pem);
  if (!read.ok) throw new Error(read.error);
  return read.value.anchors;
}

/** The Certificate and Certificate Request payloads. */

import { expect, test } from "bun:test";
import type { CertPayload, CertReqPayload } from "../../../src/wire/v2/message.ts";
import {
  emitCert,
  emitCertReq,
  parseCert,
  parseCertReq,
} from "../../../src/wire/v2/payload/cert.ts";
import { expectSame, faultOf, parsed } from "./body.ts";
import { hex } from "./hex.ts";

const CERT_OCTETS = hex(
  "04", // Cert Encoding: X.509 Certificate - Signature
  "30 03 02 01 00", // Certificate Data
);
const CERT: CertPayload = { kind: "CERT", encoding: 4, data: hex("30 03 02 01 00") };

const CERTREQ_OCTETS = hex(
  "04", // Cert Encoding: X.509 Certificate - Signature
  "11 11 11 11 11 11 11 11 11 11 11 11 11 11 11 11 11 11 11 11", // SHA-1 of an authority's key
  "22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22", // and of another authority's
);
const CERTREQ: CertReqPayload = {
  kind: "CERTREQ",
  encoding: 4,
  authorities: CERTREQ_OCTETS.slice(1),
};

test("V2-51: a CERT payload is read and written", () => {
  expectSame(CERT_OCTETS, CERT, { parse: parseCert, emit: emitCert });
});

test("V2-51: a CERTREQ payload is read and written", () => {
  expectSame(CERTREQ_OCTETS, CERTREQ, { parse: parseCertReq, emit: emitCertReq });
});

test("without their encoding both are malformed", () => {
  expect(faultOf(hex(""), parseCert)).toBe("payload: needs 1 octets at 0, has 0");
  expect(faultOf(hex(""), parseCertReq)).toBe("payload: needs 1 octets at 0, has 0");
});

test("unknown encodings, and hashes of a strange length, are kept as they are", () => {
  expect(parsed(hex("0c aa"), parseCert)).toEqual({
    ok: true,
    value: { kind: "CERT", encoding: 12, data: hex("aa") },
  });
  expect(parsed(hex("04 aa bb"), parseCertReq)).toEqual({
    ok: true,
    value: { kind: "CERTREQ", encoding: 4, authorities: hex("aa bb") },
  });
});

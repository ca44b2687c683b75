/** What the reasons mean when an end did not authenticate: by key, certificate or PPK. */

import type { PpkReason, ProofReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const PROOF = { level: "warning", follows: "next-attempt", compares: "proof" } as const;

export const PROOF_REASONS: Readonly<Record<ProofReason, Meaning>> = {
  "xauth-failed": {
    ...PROOF,
    words: "its user name or password (XAUTH) is not accepted",
    advice: "compare the password of the user's row, or of the local user, with the site's",
  },
  "wrong-psk": {
    ...PROOF,
    words: "wrong pre-shared key",
    advice:
      "set the same key at both ends: `password` of the row (blanks at the ends count), and the " +
      "site's (`erouted peers remote-config {peer}` prints its side); the next attempt reads the " +
      "row anew",
  },
  "auth-method": {
    ...PROOF,
    words: "another authentication method",
    advice: "have the site authenticate in a way that `peer_auth` of the eroute allows",
  },
  "auth-methods-unfit": {
    ...PROOF,
    words: "it does not accept our authentication method",
    advice:
      "have the site accept how the eroute authenticates (`certificate_file`, or else a " +
      "pre-shared key), or change that",
  },
  "id-not-in-certificate": {
    ...PROOF,
    words: "its certificate belongs to another ID",
    advice:
      "give the site an ID of subjectAltName of its certificate (or the whole subject), or a " +
      "certificate with its ID",
  },
  "certificate-missing": {
    ...PROOF,
    words: "no certificate was sent",
    advice: "have the site send its certificate (leftsendcert=always, send_cert = always)",
  },
  "certificate-malformed": {
    ...PROOF,
    words: "unreadable certificate",
    advice: "the site has to send X.509 certificates in DER: make it a new one",
  },
  "certificate-expired": {
    ...PROOF,
    words: "its certificate has expired",
    advice: "give the site a new certificate; if it has not expired, set the clock of this host",
  },
  "certificate-not-yet-valid": {
    ...PROOF,
    words: "its certificate is not valid yet",
    advice: "set the clock of this host: a router without a battery begins years ago",
  },
  "certificate-unfit": {
    ...PROOF,
    words: "its certificate may not be used for this",
    advice: "make a new one: RSA of 2048 bits or more, ECDSA or Ed25519; SHA-2; digitalSignature",
  },
  "issuer-unknown": {
    ...PROOF,
    words: "its certificate is of an unknown authority",
    advice:
      "put the authority into ca_file of the eroute, or have the site send the certificates " +
      "between its own and that authority",
  },
  "wrong-signature": {
    ...PROOF,
    words: "wrong signature",
    advice: "the private key of the site does not belong to the certificate that it sends",
  },
  "signature-algorithm": {
    ...PROOF,
    words: "no signature algorithm in common",
    advice: "both ends need RFC 7427 with SHA-2: SHA-1 signatures are refused",
  },
  "signature-failed": {
    ...PROOF,
    words: "our signature could not be made",
    advice: "look at private_key_file of the eroute; too many sites at once may be the reason too",
  },
  "wrong-our-id": {
    ...PROOF,
    words: "the site expects another ID of us",
    advice:
      "give both ends the same: `ourid` of the row or the eroute here, or the ID of the " +
      "concentrator at the site (rightid, remote id)",
  },
  "wrong-peer": {
    ...PROOF,
    words: "another site answered",
    advice: "compare the ID of the site at that address with peerid of the row",
  },
};

export const PPK_REASONS: Readonly<Record<PpkReason, Meaning>> = {
  "ppk-missing": {
    ...PROOF,
    words: "does not use its PPK",
    advice:
      "give the site the PPK of its row (`erouted peers remote-config {peer}` prints its side); " +
      'ppk = "optional" of the eroute lets it connect without one until then',
  },
  "ppk-without-identity": {
    ...PROOF,
    words: "does not say which PPK it uses",
    advice: "set the PPK's ID at the site; if it is set, look for a newer firmware of the site",
  },
  "ppk-unknown": {
    ...PROOF,
    words: "insists on another PPK",
    advice:
      "have the same PPK_ID at both ends: ppk_id of the row (without one it is the peer ID) and " +
      "the site's; and a ppk in the row",
  },
  "wrong-ppk": {
    ...PROOF,
    words: "wrong PPK",
    advice:
      "set the same PPK at both ends: `ppk` of the row and the site's (`erouted peers " +
      "remote-config {peer}` prints its side)",
  },
  "wrong-psk-or-ppk": {
    ...PROOF,
    words: "wrong pre-shared key, or wrong PPK",
    advice:
      "set the same keys at both ends: `password` and `ppk` of the row, and the site's (`erouted " +
      "peers remote-config {peer}` prints its side); a site that does not insist on its PPK " +
      "would show which of them is wrong",
  },
  "wrong-signature-or-ppk": {
    ...PROOF,
    words: "wrong signature, or wrong PPK",
    advice:
      "set the same PPK at both ends: `ppk` of the row, and the site's; if it is the same, look " +
      "at the site's certificate and private key",
  },
  "ppk-unsupported": {
    ...PROOF,
    words: "does not use PPKs",
    advice:
      "configure the PPK of its row at the site; if it supports none, clear `ppk` of the row, or " +
      'set ppk = "optional" of the eroute',
  },
  "ppk-ignored": {
    ...PROOF,
    words: "goes on without the PPK",
    advice: "the site's own log says why it does not use the PPK of its row",
  },
};

/** How the two ends of an eroute authenticate: pre-shared keys, certificates (RFC 7427). */

import type { SigningKey, TrustAnchors } from "../crypto/signature.ts";
import { ownHolder, readSigningKey, readTrustAnchors, timeFault } from "../crypto/signing-key.ts";
import type { Certificate } from "../crypto/x509/certificate.ts";
import { DEFAULT_AUTH } from "../eroute/defaults.ts";
import type { ErouteAuth } from "../eroute/eroute.ts";
import { isNameOf, namesOf } from "../ike/certificate-names.ts";
import { parseIdentity } from "../wire/identity.ts";
import type { Check } from "./check.ts";
import { type KeyPath, quoted } from "./fault.ts";
import type { RawEroute } from "./schema.ts";
import { fileText } from "./secret.ts";

/** Both ends' authentication. What could not be read is reported and treated as missing. */
export function readAuth(check: Check, path: KeyPath, raw: RawEroute): ErouteAuth {
  const key = readOwn(check, path, raw);
  return {
    own: key === undefined ? DEFAULT_AUTH.own : { kind: "signature", key },
    peer: readPeer(check, path, raw),
  };
}

function readOwn(check: Check, path: KeyPath, raw: RawEroute): SigningKey | undefined {
  const { certificate_file: certificateFile, private_key_file: keyFile } = raw;
  if (certificateFile === undefined || keyFile === undefined) {
    if (certificateFile !== undefined) halfOnly(check, path, "certificate_file");
    if (keyFile !== undefined) halfOnly(check, path, "private_key_file");
    if (raw.rsa_signature !== undefined && keyFile === undefined) {
      const what = "is set, but without a certificate nothing is signed";
      check.warn([...path, "rsa_signature"], what, "certificate_file and private_key_file");
    }
    return undefined;
  }
  const certificatePem = fileText(check, [...path, "certificate_file"], certificateFile);
  const keyPem = fileText(check, [...path, "private_key_file"], keyFile);
  if (certificatePem === undefined || keyPem === undefined) return undefined;
  const read = readSigningKey(certificatePem, keyPem, raw.rsa_signature ?? "pss");
  if (!read.ok) {
    const isKey = read.error.file === "key";
    const at = [...path, isKey ? "private_key_file" : "certificate_file"];
    const file = isKey ? keyFile : certificateFile;
    check.fault(at, `is ${quoted(file)}: ${read.error.what}`);
    return undefined;
  }
  const { key, certificates } = read.value;
  warnOfTimes(check, [...path, "certificate_file"], certificates);
  const [own] = certificates;
  if (own !== undefined) checkOurId(check, path, raw, own);
  return key;
}

function halfOnly(check: Check, path: KeyPath, key: "certificate_file" | "private_key_file") {
  const other = key === "certificate_file" ? "private_key_file" : "certificate_file";
  if (!check.isFaulty([...path, other])) {
    check.fault([...path, key], "needs the other half", `${other} beside it`);
  }
}

/** Our ID has to be in our certificate; without ourid it is the certificate's subject. */
function checkOurId(check: Check, path: KeyPath, { ourid }: RawEroute, own: Certificate): void {
  const holder = ownHolder(own);
  if (ourid === undefined || ourid === holder.subject) return;
  if (isNameOf(holder, parseIdentity(ourid))) return;
  const what = `is ${quoted(ourid)}, which our certificate does not name`;
  check.fault([...path, "ourid"], what, `one of ${namesOf(holder).map(quoted).join(", ")}`);
}

function readPeer(check: Check, path: KeyPath, raw: RawEroute): ErouteAuth["peer"] {
  const { ca_file: file } = raw;
  const peerAuth = raw.peer_auth ?? (file === undefined ? "psk" : "certificate");
  if (peerAuth === "psk") {
    if (file !== undefined) {
      const what = 'is set, but peer_auth is "psk": no certificate is accepted';
      check.warn([...path, "ca_file"], what, 'peer_auth = "certificate" or "either"');
    }
    return DEFAULT_AUTH.peer;
  }
  const anchors = file === undefined ? undefined : readAnchors(check, [...path, "ca_file"], file);
  if (file === undefined && !check.isFaulty([...path, "ca_file"])) {
    const what = `is ${quoted(peerAuth)}, but no authority is trusted`;
    check.fault([...path, "peer_auth"], what, "ca_file beside it");
  }
  return anchors === undefined ? DEFAULT_AUTH.peer : { kind: peerAuth, anchors };
}

function readAnchors(check: Check, path: KeyPath, file: string): TrustAnchors | undefined {
  const pem = fileText(check, path, file);
  if (pem === undefined) return undefined;
  const read = readTrustAnchors(pem);
  if (!read.ok) {
    check.fault(path, `is ${quoted(file)}: ${read.error}`);
    return undefined;
  }
  warnOfTimes(check, path, read.value.certificates);
  return read.value.anchors;
}

/** No reason to refuse to start: other eroutes work, and the clock may be set later. */
function warnOfTimes(check: Check, path: KeyPath, certificates: readonly Certificate[]): void {
  const nowMs = check.files.wallMs();
  for (const certificate of certificates) {
    const fault = timeFault(certificate, nowMs);
    if (fault !== undefined) check.warn(path, fault, "a new certificate, in time");
  }
}

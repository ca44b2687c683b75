/** TLS to the database of an egroup: what is verified, and how we authenticate to the server. */

import type { ClientCertificate, MysqlSettings } from "../eroute/database.ts";
import { isLoopback } from "../inet/loopback.ts";
import type { Check } from "./check.ts";
import type { DatabaseUrl } from "./database-url.ts";
import { type KeyPath, quoted } from "./fault.ts";
import type { RawEgroup } from "./schema.ts";
import { fileText } from "./secret.ts";

/** Certificates are verified unless the connection never leaves this machine. */
export function readTls(
  check: Check,
  path: KeyPath,
  raw: RawEgroup,
  url: Extract<DatabaseUrl, { engine: "mysql" }>,
): MysqlSettings["tls"] {
  const isSocket = "socket" in url.at;
  const hosts = "socket" in url.at ? [] : [url.at, ...(url.standby ?? [])];
  const isNear = hosts.every(({ host }) => isLoopback(host));
  const mode = raw.tls ?? (isNear ? "off" : "verify");
  if (isSocket && mode !== "off") {
    check.fault([...path, "tls"], "has no meaning for a Unix socket", "not to be there");
  }
  if (!isNear && mode === "off") {
    const what = "is off: pre-shared keys come from the database unencrypted";
    check.warn([...path, "tls"], what, '"verify", or a network that you trust');
  }
  const caFile = raw.tls_ca_file;
  if (mode !== "verify" && caFile !== undefined) {
    const what = `is set, but tls is ${mode}`;
    check.fault([...path, "tls_ca_file"], what, 'tls = "verify" beside it');
  }
  const client = readClient(check, path, raw, mode);
  const proof = client === undefined ? {} : { client };
  if (mode === "off") return { mode };
  if (mode === "encrypt-only") return { mode, ...proof };
  return { mode, caPem: caFile === undefined ? undefined : readCa(check, path, caFile), ...proof };
}

/** Certificate and key belong together, and need TLS. */
function readClient(
  check: Check,
  path: KeyPath,
  raw: RawEgroup,
  mode: MysqlSettings["tls"]["mode"],
): ClientCertificate | undefined {
  const { tls_cert_file: certFile, tls_key_file: keyFile } = raw;
  if (certFile === undefined && keyFile === undefined) return undefined;
  const at = [...path, certFile === undefined ? "tls_key_file" : "tls_cert_file"];
  if (certFile === undefined || keyFile === undefined) {
    const other = certFile === undefined ? "tls_cert_file" : "tls_key_file";
    check.fault(at, "stands alone", `${other} beside it`);
    return undefined;
  }
  if (mode === "off") {
    check.fault(at, "is set, but tls is off", 'tls = "verify" beside it');
    return undefined;
  }
  const certPem = fileText(check, [...path, "tls_cert_file"], certFile);
  const keyPem = fileText(check, [...path, "tls_key_file"], keyFile);
  if (certPem !== undefined && !certPem.includes("-----BEGIN CERTIFICATE-----")) {
    check.fault([...path, "tls_cert_file"], `is ${quoted(certFile)}, which holds no certificate`);
  }
  if (keyPem !== undefined && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(keyPem)) {
    check.fault([...path, "tls_key_file"], `is ${quoted(keyFile)}, which holds no private key`);
  }
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
}

function readCa(check: Check, path: KeyPath, file: string): string | undefined {
  const at = [...path, "tls_ca_file"];
  const pem = fileText(check, at, file);
  if (pem !== undefined && !pem.includes("-----BEGIN CERTIFICATE-----")) {
    check.fault(at, `is ${quoted(file)}, which holds no certificate`);
  }
  return pem;
}

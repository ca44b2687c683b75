/** Reads configurations in tests: files and environment are given as records. */

import { type Config, readConfig } from "../../../src/config/config.ts";
import type { ConfigFault } from "../../../src/config/fault.ts";
import { err, ok } from "../../../src/octets/result.ts";
import { CA_PEM, CONCENTRATOR_KEY, CONCENTRATOR_PEM } from "./certificates.ts";

export const SECRETS: Readonly<Record<string, string>> = {
  "/etc/erouted/db.secret": "db-password\n",
  "/etc/erouted/lab.secret": "lab-password\n",
  "/etc/erouted/lab.ppk": `0x${"7e".repeat(32)}\n`,
  "/short.ppk": "0x00ff\n",
  "/etc/erouted/status.token": "status-token-1234\n",
  "/etc/erouted/operate.token": "operate-token-1234\n",
  "/token-of-1": "x\n",
  "/token-of-15": "fifteen-letters\n",
  "/token-of-as": "aaaaaaaaaaaaaaaaaaaaaaaa\n",
  "/token-of-12": "1212121212121212\n",
  "/etc/erouted/fleet-ca.pem": CA_PEM,
  "/etc/erouted/concentrator.pem": CONCENTRATOR_PEM,
  "/etc/erouted/concentrator.key": CONCENTRATOR_KEY,
  "/empty": "\n",
  "/two-lines": "one\ntwo\n",
  "/hex": "0xzz\n",
  "/key.pem": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  "/etc/erouted/status.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  "/etc/erouted/status.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  "/etc/erouted/db-client.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  "/etc/erouted/db-client.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  "/ca.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
};

export const ENVIRONMENT: Readonly<Record<string, string>> = { DB_PASSWORD: "from-environment" };

/** 2027-01-01: the present time of the tests. */
export const NOW_MS = 1_798_761_600_000;

/** One egroup and one base eroute: what most tests add to. */
export const FLEET = `
[[egroup]]
name = "sites"
database = "mysql://erouted@db.example/vpn"
[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
`;

function read(text: string) {
  const files = {
    readSecret(path: string) {
      const secret = SECRETS[path];
      return secret === undefined ? err("no such file") : ok(secret);
    },
    wallMs: () => NOW_MS,
    env: (name: string) => ENVIRONMENT[name],
  };
  return readConfig(text, files, "erouted.toml");
}

/** The configuration; throws its faults. */
export function config(text: string): Config {
  const result = read(text);
  if (!result.ok) throw new Error(JSON.stringify(result.error, null, 2));
  return result.value;
}

export function faults(text: string): readonly ConfigFault[] {
  const result = read(text);
  return result.ok ? [] : result.error;
}

/** Path and text of each fault, as one text. */
export function told(text: string): readonly string[] {
  return faults(text).map((fault) => `${fault.path} ${fault.what}`);
}

/** The same for warnings. */
export function warned(text: string): readonly string[] {
  return config(text).warnings.map((fault) => `${fault.path} ${fault.what}`);
}

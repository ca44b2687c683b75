/** Certification authorities and certificates for tests, made with openssl. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The kinds of keys that `openssl req -newkey` accepts. */
const KEYS = {
  rsa: ["rsa:2048"],
  "rsa-1024": ["rsa:1024"],
  p256: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p384: ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
  p521: ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
  ed25519: ["ed25519"],
} as const;

export type PkiKey = keyof typeof KEYS;

/** A certificate with its key, as files and as text. */
export type Issued = {
  readonly name: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly pem: string;
  readonly keyPem: string;
};

export type IssueSettings = {
  /** File name, and common name unless `subject` is given. */
  readonly name: string;
  readonly key?: PkiKey;
  /** `/C=CH/O=Fleet/CN=site-1`. */
  readonly subject?: string;
  /** Undefined: it signs itself. */
  readonly issuer?: Issued;
  /** `DNS:site-1, IP:192.0.2.1`. */
  readonly altNames?: string;
  readonly isCa?: boolean;
  readonly pathLength?: number;
  readonly keyUsage?: string;
  /** More lines of the extensions. */
  readonly more?: readonly string[];
  /** Negative: it has expired. */
  readonly days?: number;
  readonly hash?: "sha256" | "sha384" | "sha1";
};

export type Pki = {
  readonly folder: string;
  issue(settings: IssueSettings): Issued;
};

/** Makes its files in this folder. */
export function createPki(folder: string): Pki {
  mkdirSync(folder, { recursive: true });
  const openssl = (...words: readonly string[]): void => {
    const ended = Bun.spawnSync(["openssl", ...words], { cwd: folder, stderr: "pipe" });
    if (ended.exitCode !== 0) throw new Error(`openssl ${words.join(" ")}: ${ended.stderr}`);
  };
  // Without the system's own file, which adds extensions.
  writeFileSync(join(folder, "req.cnf"), "[req]\ndistinguished_name = dn\n[dn]\n");
  return {
    folder,
    issue(settings) {
      const { name, issuer, days = 100, hash = "sha256", key = "p256" } = settings;
      const file = (end: string) => join(folder, `${name}.${end}`);
      const [keyFile, certificateFile] = [file("key"), file("pem")];
      const made = ["-newkey", ...KEYS[key], "-noenc", "-keyout", keyFile, "-config", "req.cnf"];
      const request = ["req", ...made, "-subj", settings.subject ?? `/CN=${name}`];
      const from =
        issuer === undefined ? [] : ["-CA", issuer.certificateFile, "-CAkey", issuer.keyFile];
      const extensions = extensionsOf(settings);
      const signed = [`-${hash}`, "-days", String(days), ...from, "-out", certificateFile];
      if (days > 0) {
        const added = extensions.flatMap((line) => ["-addext", line]);
        openssl(...request, "-x509", ...signed, ...added);
      } else {
        // `req` cannot make expired ones.
        openssl(...request, "-new", "-out", file("csr"));
        writeFileSync(file("ext"), extensions.join("\n"));
        openssl("x509", "-req", "-in", file("csr"), ...signed, "-extfile", file("ext"));
      }
      const pem = readFileSync(certificateFile, "utf8");
      return { name, certificateFile, keyFile, pem, keyPem: readFileSync(keyFile, "utf8") };
    },
  };
}

function extensionsOf(settings: IssueSettings): string[] {
  const { isCa = false, pathLength, altNames, keyUsage, more = [] } = settings;
  const length = pathLength === undefined ? "" : `,pathlen:${pathLength}`;
  return [
    `basicConstraints=critical,CA:${isCa ? "TRUE" : "FALSE"}${length}`,
    `keyUsage=critical,${keyUsage ?? (isCa ? "keyCertSign,cRLSign" : "digitalSignature")}`,
    ...(altNames === undefined ? [] : [`subjectAltName=${altNames}`]),
    ...more,
  ];
}

/** Certification authorities and certificates for tests, made with openssl. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What `openssl genpkey` takes for a kind of key. */
const KEYS = {
  rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  "rsa-1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  p521: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
  ed25519: ["-algorithm", "ED25519"],
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
  /** File name, and common name unless `subject` says otherwise. */
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
  return {
    folder,
    issue(settings) {
      const { name, issuer, days = 100, hash = "sha256", key = "p256" } = settings;
      const subject = settings.subject ?? `/CN=${name}`;
      const [keyFile, requestFile, certificateFile, extensionsFile] = [
        ...["key", "csr", "pem", "ext"],
      ].map((end) => join(folder, `${name}.${end}`)) as [string, string, string, string];
      openssl("genpkey", ...KEYS[key], "-out", keyFile);
      openssl("req", "-new", "-key", keyFile, "-subj", subject, "-out", requestFile);
      writeFileSync(extensionsFile, extensionsOf(settings).join("\n"));
      const signedBy =
        issuer === undefined
          ? ["-signkey", keyFile]
          : ["-CA", issuer.certificateFile, "-CAkey", issuer.keyFile, "-CAcreateserial"];
      // Ed25519 says by itself what it hashes with.
      const digest =
        (issuer?.keyPem ?? readFileSync(keyFile, "utf8")).length < 130 ? [] : [`-${hash}`];
      openssl(
        ...["x509", "-req", "-in", requestFile, "-out", certificateFile, "-days", String(days)],
        ...[...signedBy, ...digest, "-extfile", extensionsFile],
      );
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

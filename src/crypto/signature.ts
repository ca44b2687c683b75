/** Digital signatures of IKE_AUTH and of IKEv1: requests and their results (RFC 7427, RFC 2409). */

import type { Result } from "../octets/result.ts";

/** Hash Algorithms of SIGNATURE_HASH_ALGORITHMS (RFC 7427 §7); SHA-1, number 1, is refused. */
export const HashAlgorithm = { SHA2_256: 2, SHA2_384: 3, SHA2_512: 4, IDENTITY: 5 } as const;

/** What we announce: everything that is built in. */
export const HASH_ALGORITHMS: readonly number[] = Object.values(HashAlgorithm);

/** Auth Methods with signatures (RFC 7296 §3.8, RFC 4754 §7, RFC 7427 §7). */
export const AuthMethod = {
  RSA: 1,
  ECDSA_256: 9,
  ECDSA_384: 10,
  ECDSA_521: 11,
  DIGITAL_SIGNATURE: 14,
} as const;

export type KeyKind = "rsa" | "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "ed25519";

/** What we authenticate with: plain data, so that it can be passed to a thread. */
export type SigningKey = {
  /** Identifies certificates and key: a hash over both. */
  readonly id: string;
  readonly kind: KeyKind;
  /** Subject of our certificate, as text and in DER. */
  readonly subject: string;
  readonly subjectDer: Uint8Array;
  /** DER: our own certificate first, then those between it and the root. */
  readonly certificates: readonly Uint8Array[];
  /** PKCS #8 in DER: a secret. */
  readonly privateKey: Uint8Array;
  /** How an RSA key signs if the peer supports RFC 7427. */
  readonly rsaPadding: "pss" | "pkcs1";
};

/** The certification authorities that issue sites' certificates. */
export type TrustAnchors = {
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  /** The name of each of them in {@link CertificateHolder.anchor}. */
  readonly ids: readonly string[];
  /** SHA-1 of each one's SubjectPublicKeyInfo, concatenated: for CERTREQ (§3.7). */
  readonly keyIds: Uint8Array;
};

/** An Auth Method that an end accepts (RFC 9593). */
export type AcceptedMethod = {
  readonly method: number;
  /** For DIGITAL_SIGNATURE: the AlgorithmIdentifier in DER; empty: all of them. */
  readonly algorithm: Uint8Array;
};

/**
 * IKEv1 (RFC 2409 §5.1): `octets` are HASH_I or HASH_R, which RSA encrypts as they are, without the
 * name of a hash. Method and hashes of the request mean nothing then.
 */
type IsHash = true;

export type SignatureRequest =
  | {
      readonly op: "sign";
      readonly key: SigningKey;
      readonly octets: Uint8Array;
      /** What the peer has announced; undefined: it does not support RFC 7427. */
      readonly hashes: readonly number[] | undefined;
      /** What the peer says that it accepts; left out: it says nothing. */
      readonly accepted?: readonly AcceptedMethod[] | undefined;
      readonly isHash?: IsHash;
    }
  | {
      readonly op: "verify";
      readonly octets: Uint8Array;
      readonly method: number;
      /** Authentication Data of the AUTH payload. */
      readonly signature: Uint8Array;
      /** DER, as the peer sent them: its own first (§3.6). */
      readonly certificates: readonly Uint8Array[];
      readonly anchors: TrustAnchors;
      readonly isHash?: IsHash;
    };

/** What a certificate says about its holder. */
export type CertificateHolder = {
  /** `C=CH, O=Fleet, CN=site-1` (RFC 4514, in the order of the certificate). */
  readonly subject: string;
  /** The subject as in the certificate, DER. */
  readonly subjectDer: Uint8Array;
  readonly issuer: string;
  /** Hex digits. */
  readonly serial: string;
  /** Of subjectAltName. */
  readonly dnsNames: readonly string[];
  readonly mailAddresses: readonly string[];
  readonly ipAddresses: readonly Uint8Array[];
  /** The authority at the end of its chain: SHA-256 of that certificate, in hex digits. */
  readonly anchor: string;
  /** Time of day, ms since 1970. */
  readonly notAfterMs: number;
};

export type SignatureAnswer =
  | { readonly op: "sign"; readonly method: number; readonly signature: Uint8Array }
  | { readonly op: "verify"; readonly holder: CertificateHolder; readonly algorithm: string };

/** Why it failed, with both sides if there are two. */
export type SignatureFault = {
  readonly kind:
    | "certificate-missing"
    | "certificate-malformed"
    | "certificate-expired"
    | "certificate-not-yet-valid"
    | "certificate-unfit"
    | "issuer-unknown"
    | "wrong-signature"
    | "signature-algorithm"
    | "signature-failed"
    /** Too many are waiting: this says nothing about the signature. */
    | "signatures-waiting";
  readonly detail: string;
  readonly offered?: readonly string[];
  readonly wanted?: readonly string[];
};

export type SignatureResult = Result<SignatureAnswer, SignatureFault>;

/**
 * Every reason that the journal can give, each one hyphenated word, in one closed union.
 *
 * The words are part of the interface: they stand in the log, in `/api/v1/events` and in metrics.
 * `src/why` has a row for each of them, so a new one does not compile until it is explained.
 */

export type Reason =
  | MatchReason
  | RowReason
  | DatabaseReason
  | AdmissionReason
  | MessageReason
  | ProofReason
  | PpkReason
  | LimitReason
  | ChildReason
  | KernelReason
  | CallReason
  | PeerRefusedReason
  | EndingReason
  | ProgressReason
  | DaemonReason
  | OperatorReason;

/** The ID leads to no eroute, or to none that can be used (R1, R3). */
export type MatchReason =
  | "no-eroute"
  | "user-without-eroute"
  | "eroute-without-user"
  | "ike-version"
  | "no-site-at-address"
  | "sites-at-address"
  | "peerid-is-pattern"
  | "no-egroup";

/** The site's row makes no dynamic eroute (R4, R10). */
export type RowReason =
  | "no-row"
  | "duplicate-rows"
  | "row-disabled"
  | "no-password"
  | "bad-password"
  | "no-subnet"
  | "bad-subnet"
  | "bad-mask"
  | "too-many-subnets"
  | "outside-base-subnet"
  | "bad-local-subnet"
  | "outside-base-local-subnet"
  | "bad-peer-address"
  | "bad-our-id"
  | "bad-disabled"
  | "bad-lifetime"
  | "bad-inactivity"
  | "bad-if-id"
  | "bad-post-quantum"
  | "no-ppk"
  | "bad-ppk";

/** The row could not be read (R2, R6). */
export const DATABASE_FAULTS = [
  "database-unreachable",
  "database-timeout",
  "database-access-denied",
  "database-no-table",
  "database-no-column",
  "database-overloaded",
  "database-closed",
  "database-other",
] as const;
export type DatabaseReason = (typeof DATABASE_FAULTS)[number];

/** The site has authenticated, or might; there is no room for it (R7). */
export type AdmissionReason =
  | "table-full"
  | "already-connected"
  | "subnet-in-use"
  | "subnet-taken-over"
  | "subnet-shared"
  | "subnet-nested";

/** A message, or what it negotiates, is not acceptable. */
export type MessageReason =
  | "malformed"
  | "unsupported-critical-payload"
  | "unreadable-payload"
  | "message-too-long"
  | "fragments-refused"
  | "no-proposal-chosen"
  | "algorithms-of-eroute"
  | "invalid-ke-payload"
  | "key-exchange-failed"
  | "key-exchange-fault"
  | "bad-icv"
  | "ikev1"
  | "ikev1-unsupported"
  | "ikev1-mode";

/** The peer, or this end, did not authenticate. */
export type ProofReason =
  | "wrong-psk"
  | "xauth-failed"
  | "auth-method"
  | "auth-methods-unfit"
  | "id-not-in-certificate"
  | "certificate-missing"
  | "certificate-malformed"
  | "certificate-expired"
  | "certificate-not-yet-valid"
  | "certificate-unfit"
  | "issuer-unknown"
  | "wrong-signature"
  | "signature-algorithm"
  | "signature-failed"
  | "wrong-our-id"
  | "wrong-peer";

/** The two ends do not agree on a PPK (RFC 8784). */
export type PpkReason =
  | "ppk-missing"
  | "ppk-without-identity"
  | "ppk-unknown"
  | "wrong-ppk"
  | "wrong-psk-or-ppk"
  | "wrong-signature-or-ppk"
  | "ppk-unsupported"
  | "ppk-ignored";

/** A limit was reached. */
export type LimitReason =
  | "half-open-full"
  | "key-exchanges-waiting"
  | "signatures-waiting"
  | "ike-sas-over-limit"
  | "child-sas-over-limit"
  | "moves-delayed"
  | "slowed-down";

/** No Child SA, one with fewer subnets, or no new keys. */
export type ChildReason =
  | "ts-unacceptable"
  | "subnets-left-out"
  | "no-additional-pairs"
  | "too-many-selectors"
  | "internal-address-failure"
  | "mode-config-failed"
  | "no-additional-sas"
  | "child-sa-not-found"
  | "temporary-failure"
  | "no-child-sa"
  | "childless"
  | "rekey-refused"
  | "keys-refused";

/** The kernel of this host refused. */
export type KernelReason =
  | "kernel-refused"
  | "kernel-out-of-memory"
  | "kernel-conflict"
  | "spi-in-use"
  | "removed-by-others";

/** We call the site, or wait for its answer. */
export type CallReason =
  | "no-answer"
  | "unanswered"
  | "timeout"
  | "no-peer-address"
  | "no-remote-mask"
  | "resolve"
  | "calling";

/** The peer answered our request with an error notify. */
export type PeerRefusedReason =
  | "peer-refused-unsupported-critical-payload"
  | "peer-refused-invalid-ike-spi"
  | "peer-refused-invalid-major-version"
  | "peer-refused-invalid-syntax"
  | "peer-refused-invalid-message-id"
  | "peer-refused-invalid-spi"
  | "peer-refused-no-proposal-chosen"
  | "peer-refused-invalid-ke-payload"
  | "peer-refused-authentication-failed"
  | "peer-refused-single-pair-required"
  | "peer-refused-no-additional-sas"
  | "peer-refused-internal-address-failure"
  | "peer-refused-failed-cp-required"
  | "peer-refused-ts-unacceptable"
  | "peer-refused-invalid-selectors"
  | "peer-refused-unacceptable-addresses"
  | "peer-refused-unexpected-nat-detected"
  | "peer-refused-temporary-failure"
  | "peer-refused-child-sa-not-found"
  /** Any other notify: the detail names it. */
  | "peer-refused";

/** An IKE SA or a Child SA has ended. */
export type EndingReason =
  | "peer-deleted"
  | "peer-silent"
  | "replaced-by-newer"
  | "replaced-by-rekey"
  | "redundant"
  | "rekeyed"
  | "expired"
  | "address-gone"
  | "redirected"
  | "redirect-loop"
  | "inactive"
  | "lifetime-over"
  | "reauthentication-overdue"
  | "disconnected-by-hand"
  | "reconfigured"
  | "row-changed"
  | "row-removed"
  | "evicted"
  | "shutdown"
  | "not-connected"
  | "internal-error"
  | "discarded";

/** All goes as it should. */
export type ProgressReason =
  | "established"
  | "child-sa-up"
  | "child-sa-rekeyed"
  | "ike-sa-rekeyed"
  | "child-deleted"
  | "child-expired"
  | "peer-lost-it"
  | "inner-address"
  | "created"
  | "removed"
  | "redirect-followed"
  | "message";

/** erouted itself, and what it stands on. */
export type DaemonReason =
  | "start"
  | "ready"
  | "warmed-up"
  | "stopped"
  | "listen"
  | "address-added"
  | "address-removed"
  | "address-awaited"
  | "addresses-not-watched"
  | "datagrams-lost"
  | "no-dataplane"
  | "no-esp"
  | "policy-hash"
  | "leftovers"
  | "not-removed"
  | "taken-over"
  | "state-refused"
  | "state-not-kept"
  | "kernel-events-lost"
  | "audit"
  | "service-manager"
  | "database-answers"
  | "database-failover"
  | "poll-fails"
  | "poll-works"
  | "row-checks-fail"
  | "row-checks-work"
  | "configuration"
  | "configuration-fault"
  | "configuration-applied"
  | "needs-restart"
  | "reloaded"
  | "reload-refused"
  | "reload-held"
  | "reload-forced";

/** An operator asked for something. */
export type OperatorReason =
  | "operator-connect"
  | "operator-disconnect"
  | "operator-rekey"
  | "operator-redirect"
  | "operator-stop-redirects"
  | "operator-reload-peer"
  | "operator-reload"
  | "operator-debug"
  | "operator-log-level"
  | "operator-keys"
  | "operator-capture"
  | "operator-denied";

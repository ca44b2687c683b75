/** The journal's words for what went wrong: as people say them, and what to do about each. */

import { DATABASE_REASONS } from "./reason-database.ts";
import { KERNEL_REASONS } from "./reason-kernel.ts";
import { LIMIT_REASONS } from "./reason-limits.ts";
import { NOTE_REASONS } from "./reason-notes.ts";
import { OVERLAP_REASONS } from "./reason-overlap.ts";
import { PPK_REASONS } from "./reason-ppk.ts";
import { REKEY_REASONS } from "./reason-rekey.ts";
import { SUBNET_REASONS } from "./reason-subnets.ts";

export type Reason = {
  /** `wrong pre-shared key`. */
  readonly words: string;
  /** What to do, in a sentence; `{peer}` stands for the site's ID. */
  readonly advice: string;
};

/** What a reason of the journal means; undefined for a word that is none. */
export function reasonOf(reason: string): Reason | undefined {
  return (
    REASONS[reason] ??
    NOTE_REASONS[reason] ??
    PEER_REFUSED.find(({ prefix }) => reason.startsWith(prefix))
  );
}

/** `Wrong pre-shared key` for `wrong-psk`; one without an entry in words: `Child SA up`. */
export function reasonText(reason: string): string {
  const words =
    REASONS[reason]?.words ??
    NOTE_REASONS[reason]?.words ??
    reason.replaceAll("-", " ").replace(SHORT, upperCase);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const SHORT = /\b(ike|sa|sas|esp|nat|dns|tls|psk|ppk)\b/g;
const upperCase = (word: string) => (word === "sas" ? "SAs" : word.toUpperCase());

/** Reasons that only the site's row can cure: once it is right, the site has to call again. */
export function isOfRow(reason: string): boolean {
  return OF_ROW.has(reason);
}

const ROW = "correct the row; `erouted peers show {peer}` says how it is read";
const ALIGN = "give both ends the same algorithms: `ike` and `esp` of the eroute";
const BUG = "report this as a bug, with what `erouted events --site {peer}` shows";

const REASONS: Readonly<Record<string, Reason>> = {
  // The ID
  "no-eroute": {
    words: "no eroute matches the peer ID",
    advice:
      "correct the site's ID (its leftid, local id), or add an eroute whose peerid matches it",
  },
  "user-without-eroute": {
    words: "a local user, but no eroute",
    advice: "add an eroute whose peerid matches it: a [[user]] alone only holds the key",
  },
  "eroute-without-user": {
    words: "an eroute, but no local user",
    advice: "add a [[user]] with this name and its password, or link the eroute to an egroup",
  },
  "peerid-is-pattern": {
    words: "a pattern instead of a site",
    advice: "give the eroute the one ID of the site that is to be called as its peerid",
  },
  "no-egroup": {
    words: "the egroup has gone from the configuration",
    advice: "look at `egroup` of the eroute, then have the site call again",
  },
  // The row
  "no-row": {
    words: "no row in the database",
    advice: "add one: `erouted peers add --peerid {peer}`, or INSERT it; nothing is to be reloaded",
  },
  "duplicate-rows": {
    words: "several rows for one site",
    advice: "remove all rows of this peerid but one; a unique key on the column prevents more",
  },
  "row-disabled": {
    words: "disabled in its row",
    advice: "clear the column disabled of its row when the site may connect again",
  },
  "no-password": { words: "no password in the row", advice: "fill the column password of its row" },
  "bad-password": { words: "unreadable password in the row", advice: ROW },
  "no-subnet": { words: "no subnet in the row", advice: "fill remip and remmsk of its row" },
  "bad-subnet": { words: "unreadable subnet in the row", advice: ROW },
  "bad-mask": { words: "unreadable mask in the row", advice: ROW },
  "too-many-subnets": { words: "too many subnets in the row", advice: ROW },
  "outside-base-subnet": {
    words: "subnet outside the base eroute's",
    advice: "give the row a subnet inside remote_subnet of its base eroute, or widen that",
  },
  "bad-local-subnet": { words: "unreadable local subnet in the row", advice: ROW },
  "outside-base-local-subnet": {
    words: "local subnet outside the base eroute's",
    advice: "give locip of the row an address range inside local_subnet of its base eroute",
  },
  "bad-peer-address": { words: "unreadable peer address in the row", advice: ROW },
  "bad-our-id": { words: "unreadable our ID in the row", advice: ROW },
  "bad-disabled": { words: "neither yes nor no in the row's column disabled", advice: ROW },
  "bad-lifetime": { words: "unreadable lifetime in the row", advice: ROW },
  "bad-inactivity": { words: "unreadable inactivity time in the row", advice: ROW },
  "bad-if-id": { words: "unreadable interface ID in the row", advice: ROW },
  ...DATABASE_REASONS,
  // The table of dynamic eroutes
  "table-full": {
    words: "all dynamic eroutes are in use",
    advice: "raise dynamic_eroutes.max",
  },
  "already-connected": {
    words: "the site is connected already",
    advice:
      'uniqueness = "keep" lets a second one wait: disconnect the first (`erouted disconnect ' +
      '{peer}`), or set uniqueness = "replace"',
  },
  ...OVERLAP_REASONS,
  // IKE_SA_INIT and IKE_AUTH
  malformed: {
    words: "malformed message",
    advice: "look for a newer firmware of the site; a capture of its packets shows what it sends",
  },
  "unsupported-critical-payload": {
    words: "insists on a payload that is not known here",
    advice: "switch the extension off at the site",
  },
  "no-proposal-chosen": { words: "no algorithms in common", advice: ALIGN },
  "algorithms-of-eroute": {
    words: "algorithms are not those of the eroute",
    advice: `the site chose what another eroute allows: ${ALIGN}`,
  },
  "invalid-ke-payload": {
    words: "another key exchange was asked for",
    advice: "the site should come back with it; if not, configure that group at the site",
  },
  "key-exchange-failed": {
    words: "the key exchange value is not valid",
    advice: "look for a newer firmware of the site",
  },
  "wrong-psk": {
    words: "wrong pre-shared key",
    advice:
      "set the same key at both ends: `password` of the row (blanks at the ends count), and the " +
      "site's (`erouted peers remote-config {peer}` prints its side); the next attempt reads the " +
      "row anew",
  },
  ...PPK_REASONS,
  ...LIMIT_REASONS,
  ...REKEY_REASONS,
  "auth-method": {
    words: "another authentication method",
    advice: "have the site prove itself in a way that `peer_auth` of the eroute takes",
  },
  "id-not-in-certificate": {
    words: "its certificate is somebody else's",
    advice:
      "give the site an ID of subjectAltName of its certificate (or the whole subject), or a " +
      "certificate with its ID",
  },
  "certificate-missing": {
    words: "no certificate was sent",
    advice: "have the site send its certificate (leftsendcert=always, send_cert = always)",
  },
  "certificate-malformed": {
    words: "unreadable certificate",
    advice: "the site has to send X.509 certificates in DER: make it a new one",
  },
  "certificate-expired": {
    words: "its certificate has expired",
    advice: "give the site a new certificate; if it is not so, set the clock of this host",
  },
  "certificate-not-yet-valid": {
    words: "its certificate is not valid yet",
    advice: "set the clock of this host: a router without a battery begins years ago",
  },
  "certificate-unfit": {
    words: "its certificate may not be used for this",
    advice: "make a new one: RSA of 2048 bits or more, ECDSA or Ed25519; SHA-2; digitalSignature",
  },
  "issuer-unknown": {
    words: "its certificate is of an unknown authority",
    advice:
      "put the authority into ca_file of the eroute, or have the site send the certificates " +
      "between its own and that authority",
  },
  "wrong-signature": {
    words: "wrong signature",
    advice: "the private key of the site does not belong to the certificate that it sends",
  },
  "signature-algorithm": {
    words: "no signature algorithm in common",
    advice: "both ends need RFC 7427 with SHA-2: SHA-1 signatures are refused",
  },
  "signature-failed": {
    words: "our signature could not be made",
    advice: "look at private_key_file of the eroute; too many sites at once may be the reason too",
  },
  "bad-icv": {
    words: "a message failed its integrity check",
    advice: "damaged or forged on the way, or the ends disagree about keys: a capture tells more",
  },
  unanswered: {
    words: "its request got no answer in time",
    advice: "look at the attempt before: it says why; the site calls again by itself",
  },
  timeout: {
    words: "the site stopped answering",
    advice:
      "our answers do not reach it, or its next message does not reach us: look for a firewall, " +
      "a NAT that drops UDP 4500, or a path that drops large packets",
  },
  // Child SAs
  ...SUBNET_REASONS,
  "no-additional-sas": {
    words: "too many Child SAs",
    advice: "let the site close some of its Child SAs; one a subnet pair is enough",
  },
  "child-sa-not-found": {
    words: "rekeys a Child SA that is not there",
    advice:
      "the site should make a new one; if it does not, disconnect it: `erouted disconnect {peer}`",
  },
  "temporary-failure": {
    words: "busy with another exchange",
    advice: "it tries again by itself",
  },
  "no-child-sa": {
    words: "no Child SA came of it",
    advice: "look at the attempt before: proposals and subnets of the Child SA",
  },
  childless: {
    words: "no Child SA for too long",
    advice:
      "have the site make its Child SA soon after its IKE SA; if it was refused one, the " +
      "attempts before say why",
  },
  ...KERNEL_REASONS,
  // Calls
  "no-answer": {
    words: "nobody answers",
    advice: "look at peerip and bakpeerip of its row, and whether UDP 500 and 4500 reach the site",
  },
  "wrong-our-id": {
    words: "the site expects another ID of us",
    advice:
      "give both ends the same: `ourid` of the row or the eroute here, or the ID of the " +
      "concentrator at the site (rightid, remote id)",
  },
  "wrong-peer": {
    words: "somebody else answered",
    advice: "compare the ID of the site at that address with peerid of the row",
  },
  "no-peer-address": {
    words: "there is no address to call",
    advice: "fill peerip of its row if it is to be called; else it has to call",
  },
  "no-remote-mask": {
    words: "a packet leads to no row",
    advice: 'set remote_mask of the egroup, or start = "never"',
  },
  resolve: {
    words: "its host name has no address",
    advice: "look at peerip of its row, and at the name server",
  },
  // Ends
  "peer-deleted": {
    words: "the site closed it",
    advice: "if it was not meant to, look at the site's own log; it can call again at any time",
  },
  "peer-silent": {
    words: "the site went silent",
    advice:
      "its line or its power is gone, or a NAT has forgotten it; it can call again at any time",
  },
  "replaced-by-newer": {
    words: "the site called again",
    advice: "nothing is to be done, unless two sites use the same ID: then give each its own",
  },
  "address-gone": {
    words: "our own address went away",
    advice:
      "bring the address back to this machine (`ip address`); the site can call any other that " +
      "is listened on",
  },
  redirected: {
    words: "it was sent to another gateway",
    advice: "look for it there; it can call again at any time",
  },
  "redirect-loop": {
    words: "gateways send us round in a circle",
    advice: "correct where the gateways redirect to, or set follow_redirect = false",
  },
  inactive: {
    words: "no packets for the inactivity time",
    advice: "the next packet brings it back; `inactivity` of the eroute is how long it waits",
  },
  "lifetime-over": {
    words: "its keys could not be replaced in time",
    advice: "look at the failures before: the site refused to rekey, or was away",
  },
  "reauthentication-overdue": {
    words: "has not authenticated anew in time",
    advice: 'the site has to be able to reauthenticate (RFC 4478), or set reauth = "off"',
  },
  "disconnected-by-hand": {
    words: "an operator disconnected it",
    advice: "it can call again at any time",
  },
  reconfigured: {
    words: "the configuration has changed meanwhile",
    advice: "the next attempt counts by the new one",
  },
  "row-changed": {
    words: "its row has changed",
    advice: "the next attempt is made with the new row",
  },
  "row-removed": {
    words: "its row is gone",
    advice: "add the row again if it was not meant to go",
  },
  evicted: {
    words: "evicted to make room",
    advice: "raise dynamic_eroutes.max: it was the oldest when too few were free",
  },
  shutdown: { words: "erouted was stopped", advice: "it can call again" },
  "not-connected": { words: "it is not connected", advice: "it has to call, or to be called" },
  "internal-error": { words: "a bug in erouted", advice: BUG },
  discarded: { words: "given up after a bug", advice: BUG },
};

/** What the site answered to us: its own log says more. */
const PEER_REFUSED: readonly (Reason & { readonly prefix: string })[] = [
  {
    prefix: "peer-refused-no-proposal-chosen",
    words: "the site wants other algorithms",
    advice: ALIGN,
  },
  {
    prefix: "peer-refused-authentication-failed",
    words: "the site does not believe us",
    advice:
      "compare the keys (a PPK too) and both IDs (ourid of row or eroute) with the site's; see " +
      "its log",
  },
  {
    prefix: "peer-refused-ts-unacceptable",
    words: "the site wants other subnets",
    advice: "compare its networks with the row (remip, remmsk) and local_subnet of the eroute",
  },
  {
    prefix: "peer-refused-",
    words: "the site refused",
    advice: "the site's own log says why",
  },
];

const OF_ROW: ReadonlySet<string> = new Set(
  Object.keys(REASONS).filter((reason) =>
    /^(no-row|no-password|no-ppk|no-subnet|row-|bad-(?!icv)|duplicate-|outside-|too-many-)/.test(
      reason,
    ),
  ),
);

/** Reasons that can end an attempt, as metrics name them: what the site answered is one. */
export const REASON_NAMES: readonly string[] = [...Object.keys(REASONS), "peer-refused", "other"];

/** The name that stands for a reason in metrics. */
export function reasonName(reason: string): string {
  if (REASONS[reason] !== undefined) return reason;
  return reason.startsWith("peer-refused-") ? "peer-refused" : "other";
}

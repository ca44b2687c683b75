/**
 * What the reasons mean that keep a site out before any key is compared: its ID, its row, no room.
 */

import type { AdmissionReason, MatchReason, RowReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const WARNING = { level: "warning", follows: "next-attempt" } as const;
const ROW = { level: "warning", follows: "row-again" } as const;

const CORRECT_ROW = "correct the row; `erouted peers show {peer}` says how it is read";
const OWN_SUBNET =
  "give each row a subnet of its own (`erouted peers check` lists all that share one), or set " +
  "overlap =";

export const MATCH_REASONS: Readonly<Record<MatchReason, Meaning>> = {
  "no-eroute": {
    ...WARNING,
    words: "no eroute matches the peer ID",
    advice:
      "correct the site's ID (its leftid, local id), or add an eroute whose peerid matches it",
  },
  "user-without-eroute": {
    ...WARNING,
    words: "a local user, but no eroute",
    advice: "add an eroute whose peerid matches it: a [[user]] alone only holds the key",
  },
  "eroute-without-user": {
    ...WARNING,
    words: "an eroute, but no local user",
    advice: "add a [[user]] with this name and its password, or link the eroute to an egroup",
  },
  "ike-version": {
    ...WARNING,
    words: "it calls with a version of IKE that its eroute does not allow",
    advice: "set its router to the other version, or ike_version of its eroute",
  },
  "no-site-at-address": {
    ...WARNING,
    words: "no site has this address",
    advice:
      "in Main Mode with a pre-shared key a site is found by its address: fill in peerip of its " +
      "row or eroute; where addresses change, set its router to Aggressive Mode or IKEv2",
  },
  "sites-at-address": {
    ...WARNING,
    words: "several sites have this address",
    advice:
      "in Main Mode with a pre-shared key a site is found by its address alone: give each " +
      "another peerip, or set their routers to Aggressive Mode or IKEv2",
  },
  "peerid-is-pattern": {
    ...WARNING,
    words: "a pattern instead of a site",
    advice: "set peerid of the eroute to the ID of the one site to call",
  },
  "no-egroup": {
    ...WARNING,
    words: "the egroup has gone from the configuration",
    advice: "correct `egroup` of the eroute, then have the site call again",
  },
};

export const ROW_REASONS: Readonly<Record<RowReason, Meaning>> = {
  "no-row": {
    ...ROW,
    follows: "row-missing",
    words: "no row in the database",
    advice: "add one: `erouted peers add --peerid {peer}`, or INSERT it; no reload is needed",
  },
  "duplicate-rows": {
    ...ROW,
    words: "several rows for one site",
    advice: "remove all rows of this peerid but one; a unique key on the column prevents more",
  },
  "row-disabled": {
    ...ROW,
    words: "disabled in its row",
    advice: "clear the column disabled of its row when the site may connect again",
  },
  "no-password": {
    ...ROW,
    words: "no password in the row",
    advice: "fill the column password of its row",
  },
  "bad-password": { ...ROW, words: "unreadable password in the row", advice: CORRECT_ROW },
  "no-subnet": {
    ...ROW,
    words: "no subnet in the row",
    advice: "fill remip and remmsk of its row",
  },
  "bad-subnet": { ...ROW, words: "unreadable subnet in the row", advice: CORRECT_ROW },
  "bad-mask": { ...ROW, words: "unreadable mask in the row", advice: CORRECT_ROW },
  "too-many-subnets": { ...ROW, words: "too many subnets in the row", advice: CORRECT_ROW },
  "outside-base-subnet": {
    ...ROW,
    words: "subnet outside the base eroute's",
    advice: "give the row a subnet inside remote_subnet of its base eroute, or widen that",
  },
  "bad-local-subnet": {
    ...ROW,
    words: "unreadable local subnet in the row",
    advice: CORRECT_ROW,
  },
  "outside-base-local-subnet": {
    ...ROW,
    words: "local subnet outside the base eroute's",
    advice: "give locip of the row an address range inside local_subnet of its base eroute",
  },
  "bad-peer-address": { ...ROW, words: "unreadable peer address in the row", advice: CORRECT_ROW },
  "bad-our-id": { ...ROW, words: "unreadable our ID in the row", advice: CORRECT_ROW },
  "bad-disabled": {
    ...ROW,
    words: "neither yes nor no in the row's column disabled",
    advice: CORRECT_ROW,
  },
  "bad-lifetime": { ...ROW, words: "unreadable lifetime in the row", advice: CORRECT_ROW },
  "bad-inactivity": { ...ROW, words: "unreadable inactivity time in the row", advice: CORRECT_ROW },
  "bad-if-id": { ...ROW, words: "unreadable interface ID in the row", advice: CORRECT_ROW },
  "bad-post-quantum": {
    ...ROW,
    words: "a post-quantum demand in the row that cannot be read or met",
    advice: CORRECT_ROW,
  },
  "no-ppk": {
    ...ROW,
    words: "no PPK on record",
    advice:
      "fill the column ppk of its row (`openssl rand -hex 32` behind 0x), or give the user " +
      'ppk_file; else set ppk = "if-set" of the eroute',
  },
  "bad-ppk": { ...ROW, words: "unreadable PPK in the row", advice: CORRECT_ROW },
};

export const ADMISSION_REASONS: Readonly<Record<AdmissionReason, Meaning>> = {
  "table-full": {
    ...WARNING,
    words: "all dynamic eroutes are in use",
    advice: "raise dynamic_eroutes.max",
  },
  "already-connected": {
    ...WARNING,
    words: "the site is connected already",
    advice:
      'uniqueness = "keep" lets a second one wait: disconnect the first (`erouted disconnect ' +
      '{peer}`), or set uniqueness = "replace"',
  },
  "subnet-in-use": {
    ...WARNING,
    words: "another connected site has its subnet",
    advice: `${OWN_SUBNET} "replace" or "allow" for the eroute`,
  },
  "subnet-taken-over": {
    ...WARNING,
    words: "another site with its subnet took its place",
    advice: `${OWN_SUBNET} "refuse" for the eroute`,
  },
  "subnet-shared": {
    ...WARNING,
    follows: "nothing",
    words: "another connected site has the same subnet",
    advice: `${OWN_SUBNET} "refuse" or "replace" for the eroute`,
  },
  "subnet-nested": {
    level: "info",
    follows: "nothing",
    words: "a connected site's subnet lies inside another's",
    advice: "nothing, if it is meant: the packets go to the site with the narrower subnet",
  },
};

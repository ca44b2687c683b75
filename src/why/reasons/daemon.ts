/** What the reasons mean that concern erouted itself, this host, or what an operator asked for. */

import type { DaemonReason, OperatorReason } from "../../reason/reason.ts";
import type { Meaning } from "./meaning.ts";

const INFO = { level: "info", follows: "nothing" } as const;
const WARNING = { level: "warning", follows: "nothing" } as const;
const ERROR = { level: "error", follows: "nothing" } as const;

const NOTHING = "nothing is to be done";
const CHECK = "`erouted check` says what is missing";

export const DAEMON_REASONS: Readonly<Record<DaemonReason, Meaning>> = {
  start: { ...ERROR, words: "erouted is starting, with a fault", advice: CHECK },
  ready: { ...INFO, words: "erouted is ready", advice: NOTHING },
  "warmed-up": {
    ...INFO,
    words: "what a connection runs has run before: the first sites are answered sooner",
    advice: NOTHING,
  },
  stopped: { ...INFO, words: "erouted has stopped", advice: NOTHING },
  listen: {
    ...ERROR,
    words: "an address cannot be listened on",
    advice: "the detail says why: look for another IKE daemon on UDP 500 or 4500",
  },
  "address-added": { ...INFO, words: "it listens on a new address", advice: NOTHING },
  "address-removed": {
    ...WARNING,
    words: "an address that it listened on is gone",
    advice: "if sites call it, bring it back to this machine (`ip address`)",
  },
  "address-awaited": {
    ...WARNING,
    words: "an address to listen on is not there yet",
    advice: "bring it up (`ip address`), or correct ike.listen",
  },
  "addresses-not-watched": {
    ...WARNING,
    words: "changes of addresses are not seen",
    advice: "restart erouted after an address has changed; the detail says why",
  },
  "datagrams-lost": {
    ...WARNING,
    words: "datagrams were lost: more arrive than it can read",
    advice: "look for a flood on UDP 500 and 4500, and drop it before it reaches this machine",
  },
  "no-dataplane": {
    ...WARNING,
    words: "no packets pass: it runs without the kernel",
    advice: 'set kind = "xfrm" of [dataplane] to have packets pass',
  },
  "no-esp": { ...ERROR, words: "the kernel has no ESP", advice: CHECK },
  "policy-hash": {
    ...WARNING,
    words: "the kernel's policies are not found by hash as configured",
    advice: "with thousands of sites, see policy_hash of [dataplane]; the detail says what is so",
  },
  "not-removed": {
    ...WARNING,
    words: "states and policies may be left in the kernel",
    advice: "the next start of erouted removes them",
  },
  leftovers: {
    ...WARNING,
    words: "states and policies of a former run were removed",
    advice: "erouted did not stop in order: see its log before this start",
  },
  "taken-over": {
    ...INFO,
    words: "the sites of the run before stay connected",
    advice: NOTHING,
  },
  "state-refused": {
    ...WARNING,
    words: "what the run before has kept cannot be used: all sites connect anew",
    advice: NOTHING,
  },
  "state-not-kept": {
    ...ERROR,
    words: "SAs cannot be kept for the next start",
    advice: "the detail says why: look at the size and the rights of the runtime folder",
  },
  "kernel-events-lost": {
    ...ERROR,
    words: "events of the kernel were lost",
    advice: "its tables were compared instead; if it lasts, give this host more CPU",
  },
  audit: {
    ...WARNING,
    words: "the kernel's tables cannot be compared with ours",
    advice: CHECK,
  },
  "service-manager": {
    ...WARNING,
    words: "the service manager cannot be told",
    advice: "the detail says why: look at NOTIFY_SOCKET and the unit",
  },
  "database-answers": { ...INFO, words: "the database answers again", advice: NOTHING },
  "database-failover": {
    ...WARNING,
    words: "another database server is used",
    advice: "look at the server that no longer answers",
  },
  "poll-fails": {
    ...WARNING,
    words: "changes of rows cannot be read",
    advice: "`erouted check` tries the database; connected sites stay as they are",
  },
  "poll-works": { ...INFO, words: "changes of rows are read again", advice: NOTHING },
  "row-checks-fail": {
    ...WARNING,
    words: "changed rows cannot be read",
    advice: "`erouted check` tries the database; connected sites stay as they are",
  },
  "row-checks-work": { ...INFO, words: "changed rows are read again", advice: NOTHING },
  configuration: {
    ...WARNING,
    words: "a warning about the configuration",
    advice: "`erouted check` repeats it",
  },
  "configuration-fault": {
    ...ERROR,
    words: "a fault in the new configuration",
    advice: "correct it: the former configuration stays in force until then",
  },
  "configuration-applied": { ...INFO, words: "a new configuration is in force", advice: NOTHING },
  "needs-restart": {
    ...WARNING,
    words: "a part of the new configuration needs a restart",
    advice: "restart erouted when a short break suits",
  },
  reloaded: { ...INFO, words: "the configuration was read again", advice: NOTHING },
  "reload-refused": {
    ...ERROR,
    words: "the new configuration is not used",
    advice: "the faults beside it say why: the former configuration stays in force",
  },
  "reload-held": {
    ...ERROR,
    words: "the new configuration would close too many sites",
    advice: "look at what it would close; `erouted reload --force` uses it all the same",
  },
  "reload-forced": {
    ...WARNING,
    words: "the new configuration was forced",
    advice: NOTHING,
  },
};

const ASKED = { ...WARNING, advice: "the detail says what was asked for, and from where" };

export const OPERATOR_REASONS: Readonly<Record<OperatorReason, Meaning>> = {
  "operator-connect": { ...ASKED, words: "an operator calls it" },
  "operator-disconnect": { ...ASKED, words: "an operator disconnects it" },
  "operator-rekey": { ...ASKED, words: "an operator rekeys it" },
  "operator-redirect": { ...ASKED, words: "an operator redirects sites to another gateway" },
  "operator-stop-redirects": { ...ASKED, words: "an operator stops redirecting sites" },
  "operator-reload-peer": { ...ASKED, words: "an operator reloads its row" },
  "operator-reload": { ...ASKED, words: "an operator reloads the configuration" },
  "operator-debug": { ...ASKED, words: "an operator traces its messages" },
  "operator-log-level": { ...ASKED, words: "an operator sets the log level" },
  "operator-keys": { ...ASKED, words: "an operator captures its packets with keys" },
  "operator-capture": { ...ASKED, words: "an operator captures its packets" },
  "operator-denied": {
    ...WARNING,
    words: "a request without the right token",
    advice: "if it was an operator, give the right token; else find out who sends from there",
  },
};

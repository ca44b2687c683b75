/**
 * The table of the API. Each operation has its path, access, parameters, answers and a summary. The
 * server's routes, the checks of parameters, the OpenAPI document and the page of it are made from
 * this table, and from nothing else.
 */

import { JOURNAL_LEVELS } from "../../concentrator/journal/journal.ts";
import type { StatusRequest } from "../request.ts";
import type { Answers, ProblemStatus, Reply } from "./answer.ts";
import {
  AFTER,
  EROUTE_FILTERS,
  EVENT_FILTERS,
  EVENT_PAGE,
  limit,
  NOT_CONNECTED_FILTERS,
  offset,
  PEERS_PAGE,
  SERIES_RANGE,
} from "./filters.ts";
import {
  flag,
  type Parameters,
  PEER_ID,
  required,
  text,
  type ValuesOf,
  whole,
  word,
} from "./parameters.ts";

export type Operation = {
  readonly method: "get" | "post";
  /** As in OpenAPI: `{id}`. */
  readonly path: `/${string}`;
  /** `open` needs no token; `read` one if one is configured; `operate` the operate token. */
  readonly access: "open" | "read" | "operate";
  readonly parameters: Parameters;
  readonly answers: Answers;
  /** Besides those for wrong parameters and tokens. */
  readonly problems: readonly ProblemStatus[];
  readonly summary: string;
};

export const OPENAPI_PATH = "/api/v1/openapi.json";
export const DOCS_PATH = "/api/v1/docs";

/** How long a site is debugged by default, and at most. */
const DEBUG_SECONDS = 1_800;
const DEBUG_SECONDS_MAX = 86_400;
const CAPTURE_SECONDS = 60;
const CAPTURE_SECONDS_MAX = 3_600;
const CAPTURE_OCTETS = 10_000_000;
const CAPTURE_OCTETS_MAX = 100_000_000;

const TO = required(text("The other gateway: an IP address or a host name."));

const CAPTURE = {
  id: PEER_ID,
  seconds: whole("The capture ends after this time.", {
    least: 1,
    most: CAPTURE_SECONDS_MAX,
    otherwise: CAPTURE_SECONDS,
  }),
  octets: whole("The capture ends at this length.", {
    least: 1_000,
    most: CAPTURE_OCTETS_MAX,
    otherwise: CAPTURE_OCTETS,
  }),
};

const SITE = { id: PEER_ID };
const ACTION = {
  method: "post",
  access: "operate",
  answers: { 200: "done", 202: "done" },
} as const;

export const OPERATIONS = {
  health: {
    method: "get",
    path: "/healthz",
    access: "open",
    parameters: {},
    answers: { 200: "health", 503: "health" },
    problems: [],
    summary: "200 if all is well, 503 if not.",
  },
  status: {
    method: "get",
    path: "/api/v1/status",
    access: "read",
    parameters: {},
    answers: { 200: "status" },
    problems: [],
    summary: "The daemon in numbers: gauges, counters, databases, problems.",
  },
  dynamicEroutes: {
    method: "get",
    path: "/api/v1/dynamic-eroutes",
    access: "read",
    parameters: { limit, offset, ...EROUTE_FILTERS },
    answers: { 200: "dynamicEroutes" },
    problems: [],
    summary: "Dynamic eroutes in use, with their SAs.",
  },
  eroutes: {
    method: "get",
    path: "/api/v1/eroutes",
    access: "read",
    parameters: { limit, offset, ...EROUTE_FILTERS },
    answers: { 200: "eroutes" },
    problems: [],
    summary: "All eroutes in use, dynamic and normal.",
  },
  drainingStates: {
    method: "get",
    path: "/api/v1/draining-states",
    access: "read",
    parameters: { limit },
    answers: { 200: "drainingStates" },
    problems: [],
    summary: "Inbound states of replaced Child SAs that the kernel keeps for some seconds more.",
  },
  events: {
    method: "get",
    path: "/api/v1/events",
    access: "read",
    parameters: { limit, after: AFTER, ...EVENT_PAGE },
    answers: { 200: "events" },
    problems: [],
    summary: "The last events, oldest first: what happened, and why a site is not connected.",
  },
  eventStream: {
    method: "get",
    path: "/api/v1/events/stream",
    access: "read",
    parameters: { after: AFTER, ...EVENT_FILTERS },
    answers: { 200: "event stream" },
    problems: [503],
    summary: "Events as they happen (server-sent events); Last-Event-ID resumes.",
  },
  series: {
    method: "get",
    path: "/api/v1/series",
    access: "read",
    parameters: SERIES_RANGE,
    answers: { 200: "series" },
    problems: [],
    summary: "Tunnels, handshakes, failures, look-up time and traffic over time.",
  },
  peers: {
    method: "get",
    path: "/api/v1/peers",
    access: "read",
    parameters: PEERS_PAGE,
    answers: { 200: "peers" },
    problems: [503],
    summary: "Rows of an egroup's table without their keys, and which sites are connected.",
  },
  notConnected: {
    method: "get",
    path: "/api/v1/not-connected",
    access: "read",
    parameters: { ...NOT_CONNECTED_FILTERS, limit, offset },
    answers: { 200: "notConnected" },
    problems: [],
    summary:
      "Sites and strangers that tried to connect, or were connected, and are not now; sites " +
      "first, the latest first.",
  },
  peer: {
    method: "get",
    path: "/api/v1/peers/{id}",
    access: "read",
    parameters: SITE,
    answers: { 200: "peer" },
    problems: [],
    summary: "One site's eroutes in use; none if it is not connected.",
  },
  explain: {
    method: "get",
    path: "/api/v1/peers/{id}/explain",
    access: "read",
    parameters: SITE,
    answers: { 200: "explanation" },
    problems: [503],
    summary: "Why a site is or is not connected, and what to do.",
  },
  connect: {
    ...ACTION,
    path: "/api/v1/peers/{id}/connect",
    parameters: SITE,
    problems: [404],
    summary: "Call a site.",
  },
  disconnect: {
    ...ACTION,
    path: "/api/v1/peers/{id}/disconnect",
    parameters: SITE,
    problems: [404],
    summary: "Close a site's IKE SAs.",
  },
  rekey: {
    ...ACTION,
    path: "/api/v1/peers/{id}/rekey",
    parameters: SITE,
    problems: [404],
    summary: "Replace the keys of a site's Child SAs.",
  },
  rekeyIke: {
    ...ACTION,
    path: "/api/v1/peers/{id}/rekey-ike",
    parameters: SITE,
    problems: [404],
    summary: "Replace the keys of a site's IKE SA.",
  },
  reloadPeer: {
    ...ACTION,
    path: "/api/v1/peers/{id}/reload",
    parameters: SITE,
    problems: [404, 409],
    summary: "Read a site's row again, and act on what has changed.",
  },
  redirect: {
    ...ACTION,
    path: "/api/v1/peers/{id}/redirect",
    parameters: { ...SITE, to: TO },
    problems: [404, 409, 422],
    summary: "Send a site to another gateway (RFC 5685), if it can be sent.",
  },
  redirectAll: {
    ...ACTION,
    path: "/api/v1/redirect",
    parameters: { to: TO },
    problems: [422],
    summary:
      "Send all sites to another gateway: those that are connected, and those that call later.",
  },
  stopRedirects: {
    ...ACTION,
    path: "/api/v1/redirect/stop",
    parameters: {},
    problems: [],
    summary: "Stop sending sites to another gateway.",
  },
  debug: {
    ...ACTION,
    path: "/api/v1/peers/{id}/debug",
    parameters: {
      ...SITE,
      seconds: whole("For how long; 0 ends it.", {
        least: 0,
        most: DEBUG_SECONDS_MAX,
        otherwise: DEBUG_SECONDS,
      }),
    },
    problems: [409],
    summary: "Debug a site: log each of its messages, whatever the level of the log.",
  },
  capture: {
    method: "get",
    path: "/api/v1/peers/{id}/capture",
    access: "operate",
    parameters: CAPTURE,
    answers: { 200: "pcapng" },
    problems: [403, 409],
    summary: "A site's IKE messages as they come, as a pcapng file.",
  },
  ikeKeys: {
    method: "get",
    path: "/api/v1/peers/{id}/ike-keys",
    access: "operate",
    parameters: CAPTURE,
    answers: { 200: "keys" },
    problems: [403, 409],
    summary: "Keys of a site's IKE messages as they come, for Wireshark's ikev2_decryption_table.",
  },
  debugged: {
    method: "get",
    path: "/api/v1/debug",
    access: "read",
    parameters: {},
    answers: { 200: "debugged" },
    problems: [],
    summary: "The sites that are debugged now.",
  },
  logLevel: {
    ...ACTION,
    path: "/api/v1/log-level",
    parameters: { level: required(word("From now on.", JOURNAL_LEVELS)) },
    problems: [],
    summary: "Set the level of the log until the configuration is read again.",
  },
  reload: {
    ...ACTION,
    path: "/api/v1/reload",
    parameters: {
      force: flag("Reload even if more sites would be closed than `reload.close_percent_max`."),
      dry_run: flag("Change nothing: say what a reload would do."),
    },
    problems: [409, 422],
    summary:
      "Read the configuration file again, as SIGHUP does; 409 if it would close too many, or " +
      "another reload is under way.",
  },
  metrics: {
    method: "get",
    path: "/metrics",
    access: "read",
    parameters: {},
    answers: { 200: "metrics" },
    problems: [],
    summary: "Metrics for Prometheus, without those of single sites.",
  },
  siteMetrics: {
    method: "get",
    path: "/metrics/sites",
    access: "read",
    parameters: {},
    answers: { 200: "metrics" },
    problems: [],
    summary: "Metrics of each site that has called, for Prometheus: some series a site.",
  },
  openapi: {
    method: "get",
    path: OPENAPI_PATH,
    access: "read",
    parameters: {},
    answers: { 200: "openapi" },
    problems: [],
    summary: "This document.",
  },
  docs: {
    method: "get",
    path: DOCS_PATH,
    access: "read",
    parameters: {},
    answers: { 200: "page" },
    problems: [],
    summary: "This document as a page.",
  },
} as const satisfies Readonly<Record<string, Operation>>;

type Table = typeof OPERATIONS;
export type OperationName = keyof Table;

/** A request that has passed the checks of its operation. */
export type Asked<N extends OperationName> = {
  readonly values: ValuesOf<Table[N]["parameters"]>;
  readonly request: StatusRequest;
};

/** Carries out an operation; 400 is for parameters that only the handler can judge. */
export type Handler<N extends OperationName> = (
  asked: Asked<N>,
) => ReplyOf<N> | Promise<ReplyOf<N>>;

type ReplyOf<N extends OperationName> = Reply<
  Table[N]["answers"],
  Table[N]["problems"][number] | 400
>;

/** A handler for each operation: the table and the handlers cannot differ. */
export type Handlers = { readonly [N in OperationName]: Handler<N> };

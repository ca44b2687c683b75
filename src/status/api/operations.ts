/** Each operation of the API: what it is for, what it takes, what it answers, who may. */

import { EROUTE_STATES } from "../lists/eroutes.ts";
import { EVENT_LEVELS } from "../lists/events.ts";
import { LAST_KINDS, WHO_KINDS } from "../lists/not-connected.ts";
import { PEER_STATES } from "../lists/peers.ts";
import { RANGES } from "../series.ts";
import { CAPTURE_OCTETS, CAPTURE_OCTETS_MAX, DEBUG_SECONDS_MAX } from "./control-routes.ts";
import { SORTS } from "./eroute-query.ts";
import { LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX, TEXT_LENGTH_MAX } from "./query.ts";
import type { AnswerName } from "./schemas.ts";

export const OPENAPI_PATH = "/api/v1/openapi.json";
export const SITE_METRICS_PATH = "/metrics/sites";
export const DOCS_PATH = "/api/v1/docs";

export type Parameter = {
  readonly description: string;
  /** JSON Schema: the bounds that requests are held to. */
  readonly schema: Readonly<Record<string, unknown>>;
};

const whole = (minimum: number, maximum: number, otherwise?: number) => ({
  type: "integer",
  minimum,
  maximum,
  ...(otherwise === undefined ? {} : { default: otherwise }),
});
const word = (words: readonly string[]) => ({ type: "string", enum: words });
const text = { type: "string", maxLength: TEXT_LENGTH_MAX };

/** By name: one of a name means the same everywhere. */
export const PARAMETERS = {
  limit: { description: "Rows at most.", schema: whole(1, LIMIT_MAX, LIMIT_DEFAULT) },
  offset: { description: "Rows that are passed over.", schema: whole(0, OFFSET_MAX, 0) },
  q: {
    description: "Only what has this in its peer ID, name, address or subnet, in any case.",
    schema: text,
  },
  eroute: { description: "Only those of this base or normal eroute.", schema: text },
  state: { description: "Only those in this state.", schema: word(EROUTE_STATES) },
  last: {
    description:
      "Only those whose last attempt `failed`, or who were connected, which has `ended`.",
    schema: word(LAST_KINDS),
  },
  who: {
    description: "Only `sites`, which have a row or an eroute, or only `strangers`.",
    schema: word(WHO_KINDS),
  },
  sort: { description: "Ascending by this; with `-` descending.", schema: word(SORTS) },
  after: {
    description: "Only events with a sequence above it.",
    schema: whole(0, Number.MAX_SAFE_INTEGER),
  },
  before: {
    description: "Only events with a sequence below it.",
    schema: whole(1, Number.MAX_SAFE_INTEGER),
  },
  egroup: { description: "Rows of this egroup; else of the first one.", schema: text },
  after_peer: { description: "Only rows behind this peer ID: `next` of a page.", schema: text },
  peer_state: { description: "Only rows of sites in this state.", schema: word(PEER_STATES) },
  site: { description: "Only events of this peer ID.", schema: text },
  level: { description: "Only events of this level, and graver ones.", schema: word(EVENT_LEVELS) },
  seconds: {
    description: "For how long: debug half an hour if nothing is said (0 ends it), capture 60 s.",
    schema: whole(0, DEBUG_SECONDS_MAX),
  },
  octets: {
    description: "The capture ends when it is so long.",
    schema: whole(1_000, CAPTURE_OCTETS_MAX, CAPTURE_OCTETS),
  },
  to: { description: "The other gateway: an IP address or a host name.", schema: text },
  force: {
    description: "Also if more sites would be closed than reload.close_percent_max allows.",
    schema: { type: "boolean", default: false },
  },
  dry_run: {
    description: "Change nothing: say what would come of it.",
    schema: { type: "boolean", default: false },
  },
  range: { description: "The last hour, or the last two days.", schema: word(RANGES) },
} as const satisfies Readonly<Record<string, Parameter>>;

export type ParameterName = keyof typeof PARAMETERS;

export type Operation = {
  readonly method: "get" | "post";
  /** As in OpenAPI: `{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly parameters?: readonly ParameterName[];
  /** Those that have to be there. */
  readonly required?: readonly ParameterName[];
  /** `open` needs no token; `read` one if one is configured; `operate` the operate token. */
  readonly access: "open" | "read" | "operate";
  readonly answer: AnswerName | "event stream" | "metrics" | "pcapng" | "keys" | "openapi" | "page";
  /** Statuses of problems beside 400, 401 and 404 for what is not there. */
  readonly problems?: readonly number[];
};

const LIST = ["limit", "offset", "q", "eroute", "state", "sort"] as const;
const ACTION = { method: "post", access: "operate", answer: "done" } as const;

export const OPERATIONS: readonly Operation[] = [
  {
    ...{ method: "get", path: "/healthz", access: "open", answer: "health", problems: [503] },
    summary: "200 if all is well, 503 if not.",
  },
  {
    ...{ method: "get", path: "/api/v1/status", access: "read", answer: "status" },
    summary: "The daemon in numbers: gauges, counters, databases, problems.",
  },
  {
    ...{ method: "get", path: "/api/v1/dynamic-eroutes", access: "read" },
    ...{ parameters: LIST, answer: "dynamicEroutes" },
    summary: "Dynamic eroutes in use, with their SAs.",
  },
  {
    ...{ method: "get", path: "/api/v1/eroutes", access: "read" },
    ...{ parameters: LIST, answer: "eroutes" },
    summary: "All eroutes in use, normal ones too.",
  },
  {
    ...{ method: "get", path: "/api/v1/draining-states", access: "read" },
    ...{ parameters: ["limit"], answer: "drainingStates" },
    summary: "Inbound states of rekeyed Child SAs that the kernel still has for some seconds.",
  },
  {
    ...{ method: "get", path: "/api/v1/events", access: "read" },
    ...{ parameters: ["limit", "after", "before", "site", "level"], answer: "events" },
    summary: "The last events, oldest first: what happened, and why a site is not in.",
  },
  {
    ...{ method: "get", path: "/api/v1/events/stream", access: "read", problems: [503] },
    ...{ parameters: ["after", "site", "level"], answer: "event stream" },
    summary: "Events as they happen (server-sent events); Last-Event-ID resumes.",
  },
  {
    ...{ method: "get", path: "/api/v1/series", access: "read" },
    ...{ parameters: ["range"], answer: "series" },
    summary: "Tunnels, handshakes, failures, look-up time and traffic over time.",
  },
  {
    ...{ method: "get", path: "/api/v1/peers", access: "read", problems: [503] },
    ...{ parameters: ["egroup", "q", "peer_state", "after_peer", "limit"], answer: "peers" },
    summary: "Rows of an egroup's table without their keys, and which sites are connected.",
  },
  {
    ...{ method: "get", path: "/api/v1/not-connected", access: "read", answer: "notConnected" },
    ...{ parameters: ["q", "last", "who", "limit", "offset"] },
    summary: "Who tried and is not connected, or was; sites before strangers, the latest first.",
  },
  {
    ...{ method: "get", path: "/api/v1/peers/{id}", access: "read", answer: "peer" },
    summary: "One site's eroutes in use; none if it is not connected.",
  },
  {
    ...{ method: "get", path: "/api/v1/peers/{id}/explain", access: "read", problems: [503] },
    answer: "explanation",
    summary: "Why a site is, or is not, connected, and what to do.",
  },
  {
    ...{ ...ACTION, path: "/api/v1/peers/{id}/connect", problems: [409] },
    summary: "Call a site.",
  },
  { ...ACTION, path: "/api/v1/peers/{id}/disconnect", summary: "Close a site's IKE SAs." },
  { ...ACTION, path: "/api/v1/peers/{id}/rekey", summary: "New keys for a site's Child SAs." },
  { ...ACTION, path: "/api/v1/peers/{id}/rekey-ike", summary: "New keys for its IKE SA." },
  {
    ...{ ...ACTION, path: "/api/v1/peers/{id}/reload", problems: [409] },
    summary: "Read a site's row anew, and act on what has changed.",
  },
  {
    ...{ ...ACTION, path: "/api/v1/peers/{id}/redirect", parameters: ["to"], required: ["to"] },
    ...{ problems: [409, 422] },
    summary: "Send a site to another gateway (RFC 5685), if it can be sent.",
  },
  {
    ...{ ...ACTION, path: "/api/v1/redirect", parameters: ["to"], required: ["to"] },
    ...{ problems: [422] },
    summary: "Send all sites to another gateway: those that are connected, and those that call.",
  },
  { ...ACTION, path: "/api/v1/redirect/stop", summary: "Send nobody to another gateway any more." },
  {
    ...{ ...ACTION, path: "/api/v1/peers/{id}/debug", parameters: ["seconds"], problems: [409] },
    summary: "Look at a site closely: each of its messages is in the log, whatever its level.",
  },
  {
    ...{ method: "get", path: "/api/v1/peers/{id}/capture", access: "operate", problems: [409] },
    ...{ parameters: ["seconds", "octets"], answer: "pcapng" },
    summary: "A pcapng file of a site's IKE messages, as they come.",
  },
  {
    ...{ method: "get", path: "/api/v1/peers/{id}/ike-keys", access: "operate", answer: "keys" },
    ...{ parameters: ["seconds", "octets"], problems: [403, 409] },
    summary: "Keys of a site's IKE messages, for Wireshark's ikev2_decryption_table, as they come.",
  },
  {
    ...{ method: "get", path: "/api/v1/debug", access: "read", answer: "debugged" },
    summary: "The sites that are looked at closely.",
  },
  {
    ...{ ...ACTION, path: "/api/v1/log-level", parameters: ["level"], required: ["level"] },
    summary: "The level of the log from now on, until the configuration is read again.",
  },
  {
    ...{ ...ACTION, path: "/api/v1/reload", problems: [409, 422] },
    parameters: ["force", "dry_run"],
    summary:
      "Read the configuration file anew, as SIGHUP does; 409 if it would close too many sites.",
  },
  {
    ...{ method: "get", path: "/metrics", access: "read", answer: "metrics" },
    summary: "Metrics for Prometheus; none of single sites.",
  },
  {
    ...{ method: "get", path: SITE_METRICS_PATH, access: "read", answer: "metrics" },
    summary: "Metrics of each site that has called, for Prometheus: some series a site.",
  },
  {
    ...{ method: "get", path: OPENAPI_PATH, access: "read", answer: "openapi" },
    summary: "This document.",
  },
  {
    ...{ method: "get", path: DOCS_PATH, access: "read", answer: "page" },
    summary: "This document as a page.",
  },
];

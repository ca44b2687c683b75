/** POST: connect, disconnect, rekey and reload a site, reload the configuration; by token only. */

import type { Context, Hono, MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { Rate } from "../../concentrator/rate.ts";
import { PEER_ID_LENGTH_MAX } from "../../eroute/peer-id.ts";
import { bearerOf, isToken } from "../access/access.ts";
import type { Session } from "../access/sessions.ts";
import { type TokenGuard, tooManyTokens } from "../access/token-guard.ts";
import type { Control, ControlAnswer, ControlRefusal } from "../control.ts";
import { EVENT_LEVELS } from "../lists/events.ts";
import { problem } from "../problem.ts";
import { oneOf, textOf, wholeNumber } from "./query.ts";

/** What the server knows of a request beside HTTP. */
export type StatusBindings = {
  readonly Bindings: {
    readonly remote?: string;
    /** However long nothing is sent, the connection stays. */
    readonly stay?: () => void;
  };
  /** Of a browser that has logged in. */
  readonly Variables: { session?: Session };
};

/** Actions of all operators together, a second. */
const ACTIONS_PER_SECOND = 20;

/** Adds the routes. Without `control` they say that nothing can be changed here. */
export function addControlRoutes(
  app: Hono<StatusBindings>,
  control: Control | undefined,
  tokens: TokenGuard,
): void {
  const guard = control === undefined ? switchedOff : operatorsOnly(control, tokens);
  for (const path of PEER_PATHS) app.post(path, guard);
  for (const path of OTHER_PATHS) app.post(path, guard);
  if (control !== undefined) {
    const [connect, disconnect, reload, rekey, rekeyIke] = PEER_PATHS;
    app.post(connect, (c) => onPeer(c, (peerId, by) => control.connect(peerId, by)));
    app.post(disconnect, (c) => onPeer(c, (peerId, by) => control.disconnect(peerId, by)));
    app.post(reload, (c) => onPeer(c, (peerId, by) => control.reloadPeer(peerId, by)));
    app.post(rekey, (c) => onPeer(c, (peerId, by) => control.rekey(peerId, "children", by)));
    app.post(rekeyIke, (c) => onPeer(c, (peerId, by) => control.rekey(peerId, "ike", by)));
    app.post(REDIRECT_PATH, (c) =>
      withGateway(c, (to) => onPeer(c, (peerId, by) => control.redirect(peerId, to, by))),
    );
    app.post(REDIRECT_ALL_PATH, (c) =>
      withGateway(c, (to) => answer(c, control.redirect(undefined, to, remoteOf(c)))),
    );
    app.post(STOP_PATH, (c) => answer(c, control.stopRedirects(remoteOf(c))));
    app.post(DEBUG_PATH, (c) => onDebug(c, control));
    app.get(CAPTURE_PATH, guard, (c) => onCapture(c, "packets", control));
    app.get(KEYS_PATH, guard, (c) => onCapture(c, "keys", control));
    app.get(DEBUGGED_PATH, (c) => c.json({ debugged: control.debugged() }));
    app.post(LOG_LEVEL_PATH, (c) => {
      const level = oneOf(c, "level", EVENT_LEVELS);
      if (!level.ok) return problem(c, 400, level.error);
      if (level.value === undefined) return problem(c, 400, `level is missing`);
      return answer(c, control.logLevel(level.value, remoteOf(c)));
    });
    app.post(RELOAD_PATH, (c) => onReload(c, control));
  }
  for (const path of [...PEER_PATHS, ...OTHER_PATHS]) {
    app.all(path, (c) =>
      problem(c, 405, `${c.req.method} is not possible here: send POST`, { Allow: "POST" }),
    );
  }
}

const PEER_PATHS = [
  "/api/v1/peers/:id/connect",
  "/api/v1/peers/:id/disconnect",
  "/api/v1/peers/:id/reload",
  "/api/v1/peers/:id/rekey",
  "/api/v1/peers/:id/rekey-ike",
] as const;
const RELOAD_PATH = "/api/v1/reload";
const DEBUG_PATH = "/api/v1/peers/:id/debug";
const CAPTURE_PATH = "/api/v1/peers/:id/capture";
const KEYS_PATH = "/api/v1/peers/:id/ike-keys";
const DEBUGGED_PATH = "/api/v1/debug";
const LOG_LEVEL_PATH = "/api/v1/log-level";
const REDIRECT_PATH = "/api/v1/peers/:id/redirect";
const REDIRECT_ALL_PATH = "/api/v1/redirect";
const STOP_PATH = "/api/v1/redirect/stop";
const OTHER_PATHS = [
  ...[RELOAD_PATH, DEBUG_PATH, LOG_LEVEL_PATH],
  ...[REDIRECT_PATH, REDIRECT_ALL_PATH, STOP_PATH],
];

/** How long a site is looked at where nothing is said; and at most. */
export const DEBUG_SECONDS = 1_800;
export const DEBUG_SECONDS_MAX = 86_400;
/** Of a capture. */
export const CAPTURE_SECONDS = 60;
export const CAPTURE_SECONDS_MAX = 3_600;
export const CAPTURE_OCTETS = 10_000_000;
export const CAPTURE_OCTETS_MAX = 100_000_000;

const HOW = "set status.operate_token_file, and send Authorization: Bearer TOKEN";

const switchedOff: MiddlewareHandler = async (c) =>
  problem(c, 403, `nothing can be changed: ${HOW}`);

/**
 * A browser that is led here by another page can send neither the Authorization header nor JSON
 * without asking first, and is never told yes: forms are refused all the same.
 */
function operatorsOnly(control: Control, tokens: TokenGuard): MiddlewareHandler<StatusBindings> {
  const actions = new Rate(ACTIONS_PER_SECOND, control.now());
  return async (c, next) => {
    const { token } = control;
    if (token === undefined) return problem(c, 403, `nothing can be changed: ${HOW}`);
    const given = bearerOf(c.req.header("authorization"));
    if (given !== undefined && !tokens.mayTry(c)) return tooManyTokens(c);
    if (given === undefined || !isToken(given, token)) {
      // Without one nothing is guessed.
      if (given === undefined) control.onDenied(`${c.req.method} ${c.req.path}`, remoteOf(c));
      else tokens.onWrong(c);
      const detail = "send the token of status.operate_token_file: Authorization: Bearer TOKEN";
      return problem(c, 401, detail, { "WWW-Authenticate": "Bearer" });
    }
    if (isForm(c.req.header("content-type"))) {
      return problem(c, 415, "forms and plain text are not taken: send no body, or JSON");
    }
    if (!actions.take(control.now())) return tooMany(c);
    return await next();
  };
}

function tooMany(c: Context): Response {
  return problem(c, 429, "too many requests: wait a second", { "Retry-After": "1" });
}

/** What a page of another site could send without asking (a "simple" request). */
function isForm(type: string | undefined): boolean {
  return /^\s*(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\b/i.test(
    type ?? "",
  );
}

function onPeer(
  c: Context<
    StatusBindings,
    (typeof PEER_PATHS)[number] | typeof DEBUG_PATH | typeof REDIRECT_PATH
  >,
  act: (peerId: string, remote: string) => ControlAnswer,
): Response {
  const peerId = c.req.param("id");
  if (peerId.length > PEER_ID_LENGTH_MAX || /\p{Cc}/u.test(peerId)) {
    return problem(c, 400, `a peer ID has at most ${PEER_ID_LENGTH_MAX} printable characters`);
  }
  return answer(c, act(peerId, remoteOf(c)), { peer_id: peerId });
}

/** `force=true` insists, `dry_run=true` only asks. */
function onReload(c: Context<StatusBindings>, control: Control): Response {
  const force = oneOf(c, "force", YES_NO);
  if (!force.ok) return problem(c, 400, force.error);
  const dryRun = oneOf(c, "dry_run", YES_NO);
  if (!dryRun.ok) return problem(c, 400, dryRun.error);
  const how = { force: force.value === "true", dryRun: dryRun.value === "true" };
  return answer(c, control.reload(how, remoteOf(c)));
}

const YES_NO = ["true", "false"] as const;

/** `to=vpn2.example`. */
function withGateway(c: Context<StatusBindings>, act: (to: string) => Response): Response {
  const to = textOf(c, "to");
  if (!to.ok) return problem(c, 400, to.error);
  if (to.value === undefined) return problem(c, 400, "to is missing: the gateway to send to");
  return act(to.value);
}

/** `seconds=0` ends it. */
function onDebug(c: Context<StatusBindings, typeof DEBUG_PATH>, control: Control): Response {
  const bounds = { least: 0, most: DEBUG_SECONDS_MAX, otherwise: DEBUG_SECONDS };
  const seconds = wholeNumber(c, "seconds", bounds);
  if (!seconds.ok) return problem(c, 400, seconds.error);
  return onPeer(c, (peerId, by) => control.debug(peerId, seconds.value, by));
}

/** The file, as it comes; the connection is not idle for it, however quiet the site is. */
function onCapture(
  c: Context<StatusBindings, typeof CAPTURE_PATH | typeof KEYS_PATH>,
  what: "packets" | "keys",
  control: Control,
): Response {
  const { id: peerId } = c.req.param();
  const seconds = wholeNumber(c, "seconds", {
    ...{ least: 1, most: CAPTURE_SECONDS_MAX, otherwise: CAPTURE_SECONDS },
  });
  if (!seconds.ok) return problem(c, 400, seconds.error);
  const octets = wholeNumber(c, "octets", {
    ...{ least: 1_000, most: CAPTURE_OCTETS_MAX, otherwise: CAPTURE_OCTETS },
  });
  if (!octets.ok) return problem(c, 400, octets.error);
  if (peerId.length > PEER_ID_LENGTH_MAX || /\p{Cc}/u.test(peerId)) {
    return problem(c, 400, `a peer ID has at most ${PEER_ID_LENGTH_MAX} printable characters`);
  }
  const limits = { seconds: seconds.value, octets: octets.value };
  const opened = control.capture(peerId, what, limits, remoteOf(c));
  if (!opened.ok) return problem(c, STATUS[opened.error.kind], opened.error.detail);
  c.env?.stay?.();
  return c.body(opened.value, 200, { "Content-Type": CONTENT_TYPES[what] });
}

const CONTENT_TYPES = { packets: "application/x-pcapng", keys: "text/plain; charset=utf-8" };

function answer(
  c: Context<StatusBindings>,
  given: ControlAnswer,
  about: Readonly<Record<string, string>> = {},
): Response {
  if (!given.ok) {
    const { kind, detail, faults } = given.error;
    const more = faults === undefined ? {} : { faults };
    return problem(c, STATUS[kind], { detail, more });
  }
  const { outcome, after, detail, more } = given.value;
  const isOver = ["connected", "reloaded", "debugging", "set", "tried"].includes(outcome);
  return c.json({ ...about, outcome, after, detail, ...more }, isOver ? 200 : 202);
}

const STATUS: Readonly<Record<ControlRefusal["kind"], ContentfulStatusCode>> = {
  "unknown-peer": 404,
  "not-connected": 404,
  "not-allowed": 403,
  impossible: 409,
  faulty: 422,
  held: 409,
};

function remoteOf(c: Context<StatusBindings>): string {
  return c.env?.remote ?? "unknown";
}

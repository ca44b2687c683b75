/** What operators request over HTTP: events for the engine, and a line in the journal for each. */

import type { Concentrator } from "../concentrator/concentrator.ts";
import type { RekeyOf } from "../concentrator/event.ts";
import type { Journal } from "../concentrator/journal/journal.ts";
import { parseCallAddress } from "../eroute/call-address.ts";
import { matchConfigured } from "../eroute/configured-match.ts";
import type { CallAddress } from "../eroute/eroute.ts";
import { now } from "../linux/clock.ts";
import { err, ok, type Result } from "../octets/result.ts";
import type {
  Control,
  ControlAnswer,
  ControlDone,
  ControlRefusal,
  RefusalKind,
} from "../status/control.ts";
import { inSteps } from "../status/lists/turns.ts";
import type { Captures } from "./capture.ts";
import type { Debugging } from "./debugging.ts";
import type { Reloadable, ReloadHow } from "./reload.ts";
import type { Reloaded, Reloader } from "./reloader.ts";

/** What it acts on. */
export type Controlled = Reloadable & {
  readonly concentrator: Pick<Concentrator, "snapshot">;
  readonly journal: Pick<Journal, "recent">;
  readonly debugging: Pick<Debugging, "on" | "off" | "list">;
  readonly captures: Pick<Captures, "open">;
};

/** The control of a running daemon. */
export function controlOf(daemon: Controlled, reloader: Reloader): Control {
  return {
    get token() {
      return daemon.config.status.operateToken;
    },
    connect: (peerId, remote) => audited(daemon, { action: "connect", peerId, remote }, connect),
    disconnect: (peerId, remote) =>
      audited(daemon, { action: "disconnect", peerId, remote }, disconnect),
    rekey: (peerId, of, remote) =>
      audited(daemon, { action: "rekey", peerId, remote, what: of }, () =>
        rekey(daemon, peerId, of),
      ),
    redirect: (peerId, to, remote) =>
      audited(daemon, { action: "redirect", peerId, remote, what: to }, () =>
        redirect(daemon, peerId, to),
      ),
    async redirectAll(to, remote) {
      const counts = await inSteps(daemon.concentrator.snapshot().redirectable());
      return audited(daemon, { action: "redirect", peerId: undefined, remote, what: to }, () =>
        redirectAll(daemon, to, counts),
      );
    },
    stopRedirects: (remote) =>
      audited(daemon, { action: "stop-redirects", peerId: undefined, remote }, stopRedirects),
    reloadPeer: (peerId, remote) =>
      audited(daemon, { action: "reload-peer", peerId, remote }, reloadPeer),
    debug: (peerId, seconds, remote) =>
      audited(
        daemon,
        { action: "debug", peerId, remote, what: seconds === 0 ? "off" : durationText(seconds) },
        () => debug(daemon, peerId, seconds),
      ),
    capture(peerId, what, limits, remote) {
      const reason = what === "keys" ? "operator-keys" : "operator-capture";
      const about = { step: "control", remote, peerId, reason } as const;
      if (what === "keys" && !daemon.config.status.allowKeyExport) {
        const detail = "keys are not exported: status.allow_key_export is not set";
        daemon.note({ ...about, level: "warning", outcome: "refused", detail });
        return err({ kind: "not-allowed", detail });
      }
      // Reading keys has to stand out from lines that are only worth knowing.
      const level = what === "keys" ? "warning" : "info";
      daemon.note({ ...about, level, detail: "asked for over HTTP" });
      const opened = daemon.captures.open(peerId, what, limits);
      return opened.ok ? opened : err({ kind: "impossible", detail: opened.error });
    },
    debugged: () => daemon.debugging.list(),
    logLevel: (level, remote) =>
      audited(daemon, { action: "log-level", peerId: undefined, remote, what: level }, () => {
        daemon.log.configure({ ...daemon.config.log, level });
        const detail = `the log level is ${level} until the configuration is read again`;
        return { outcome: "set", detail };
      }),
    async reload(how, remote) {
      const what = whatOfReload(how);
      const request = { action: "reload", peerId: undefined, remote, ...(what ?? {}) } as const;
      const after = noteRequest(daemon, request);
      return concluded(daemon, request, after, wordsOf(await reloader.now(how), how));
    },
    onDenied(what, remote) {
      const detail = `${what} without the right token`;
      const entry = { level: "warning", step: "control", outcome: "refused" } as const;
      daemon.note({ ...entry, reason: "operator-denied", detail, remote });
    },
    now,
  };
}

type Request = {
  readonly action:
    | "connect"
    | "disconnect"
    | "rekey"
    | "redirect"
    | "stop-redirects"
    | "reload-peer"
    | "debug"
    | "log-level"
    | "reload";
  readonly peerId: string | undefined;
  readonly remote: string;
  /** Which of several things is requested. */
  readonly what?: string;
};

type Done = Pick<ControlDone, "outcome" | "detail" | "more">;
type Act<K extends RefusalKind> = (daemon: Controlled, peerId: string) => Done | ControlRefusal<K>;

/** This line comes first: what follows in the journal is the result. */
function audited<K extends RefusalKind = never>(
  daemon: Controlled,
  request: Request,
  act: Act<K>,
): ControlAnswer<K> {
  const after = noteRequest(daemon, request);
  return concluded(daemon, request, after, act(daemon, request.peerId ?? ""));
}

/** Returns the number of its line. */
function noteRequest(daemon: Controlled, request: Request): number {
  const asked = request.what === undefined ? "" : `: ${request.what}`;
  daemon.note({ ...aboutOf(request), level: "info", detail: `asked for over HTTP${asked}` });
  return daemon.journal.recent(1)[0]?.sequence ?? 0;
}

function concluded<K extends RefusalKind>(
  daemon: Controlled,
  request: Request,
  after: number,
  done: Done | ControlRefusal<K>,
): ControlAnswer<K> {
  if ("outcome" in done) return ok({ ...done, after });
  const { detail } = done;
  daemon.note({ ...aboutOf(request), level: "warning", outcome: "refused", detail });
  return err(done);
}

function aboutOf({ action, peerId, remote }: Request) {
  const site = peerId === undefined ? {} : { peerId };
  return { step: "control", remote, ...site, reason: `operator-${action}` } as const;
}

function connect(daemon: Controlled, peerId: string): Done | ControlRefusal<"unknown-peer"> {
  const match = matchConfigured(daemon.config.plan, peerId);
  if (match.kind === "refused") return unknownPeer(peerId);
  if (isConnected(daemon, peerId)) {
    return { outcome: "connected", detail: `${peerId} is connected already` };
  }
  daemon.shell?.feed({ kind: "connect", peerId });
  return { outcome: "calling", detail: `${peerId} is being called: eroute ${match.eroute.name}` };
}

function disconnect(daemon: Controlled, peerId: string): Done | ControlRefusal<"not-connected"> {
  const snapshot = daemon.concentrator.snapshot();
  const wasConnected = snapshot.site(peerId).length > 0;
  const wasCalled = snapshot.isCalling(peerId);
  daemon.shell?.feed({ kind: "disconnect", peerId });
  if (wasConnected) {
    return { outcome: "closing", detail: `the IKE SAs of ${peerId} are being deleted` };
  }
  if (wasCalled) return { outcome: "closing", detail: `the call to ${peerId} is cancelled` };
  return { kind: "not-connected", detail: `${peerId} is not connected` };
}

function rekey(
  daemon: Controlled,
  peerId: string,
  of: RekeyOf,
): Done | ControlRefusal<"not-connected"> {
  if (!isConnected(daemon, peerId)) {
    return { kind: "not-connected", detail: `${peerId} is not connected` };
  }
  daemon.shell?.feed({ kind: "rekey", peerId, of });
  const what = of === "ike" ? "its IKE SA" : "its Child SAs";
  return { outcome: "rekeying", detail: `${peerId} is asked for new keys for ${what}` };
}

function redirect(
  daemon: Controlled,
  peerId: string,
  to: string,
): Done | ControlRefusal<"faulty" | "not-connected" | "impossible"> {
  const gateway = gatewayOf(to);
  if (!gateway.ok) return gateway.error;
  const refusal = whyNotSent(daemon, peerId);
  if (refusal !== undefined) return refusal;
  daemon.shell?.feed({ kind: "redirect", peerId, to: gateway.value });
  return { outcome: "redirecting", detail: `${peerId} is told to go to ${to}` };
}

function redirectAll(
  daemon: Controlled,
  to: string,
  { can, cannot }: { readonly can: number; readonly cannot: number },
): Done | ControlRefusal<"faulty"> {
  const gateway = gatewayOf(to);
  if (!gateway.ok) return gateway.error;
  daemon.shell?.feed({ kind: "redirect", peerId: undefined, to: gateway.value });
  const stay = cannot === 0 ? "" : `; ${cannot} cannot be redirected (no RFC 5685), and stay`;
  const detail =
    `${can} connected sites are told to go to ${to}, 50 a second, and so is each site that ` +
    `calls, until \`erouted redirect --stop\`${stay}`;
  return { outcome: "redirecting", detail, more: { redirectable: can, not_redirectable: cannot } };
}

function gatewayOf(to: string): Result<CallAddress, ControlRefusal<"faulty">> {
  const gateway = parseCallAddress(to);
  return gateway.ok ? gateway : err({ kind: "faulty", detail: `${to} ${gateway.error}` });
}

/** Only sites that called us and announced support can be redirected. */
function whyNotSent(
  daemon: Controlled,
  peerId: string,
): ControlRefusal<"not-connected" | "impossible"> | undefined {
  const views = daemon.concentrator.snapshot().site(peerId);
  const ikeSas = views.flatMap((view) => view.ikeSas);
  if (ikeSas.length === 0) return { kind: "not-connected", detail: `${peerId} is not connected` };
  if (ikeSas.some(({ redirectable }) => redirectable)) return undefined;
  const isOurs = ikeSas.every(({ role }) => role === "initiator");
  const detail = isOurs
    ? `${peerId} was called from here: only a site that calls can be redirected`
    : `${peerId} cannot be redirected: it has not announced RFC 5685 (strongSwan ` +
      "does, unless charon.follow_redirects is no)";
  return { kind: "impossible", detail };
}

function stopRedirects(daemon: Controlled): Done {
  const { redirecting } = daemon.concentrator.snapshot();
  daemon.shell?.feed({ kind: "redirect", peerId: undefined, to: undefined });
  const detail =
    redirecting === undefined
      ? "no site was being redirected"
      : `no more sites go to ${redirecting.to}; ${redirecting.waiting} were not told yet`;
  return { outcome: "set", detail };
}

function debug(
  daemon: Controlled,
  peerId: string,
  seconds: number,
): Done | ControlRefusal<"impossible"> {
  if (seconds === 0) {
    return daemon.debugging.off(peerId)
      ? { outcome: "debugging", detail: `${peerId} is no longer traced` }
      : { kind: "impossible", detail: `${peerId} is not traced` };
  }
  const begun = daemon.debugging.on(peerId, seconds);
  if (!begun.ok) return { kind: "impossible", detail: begun.error };
  const detail = `each message of ${peerId} is logged for ${durationText(seconds)} from now on`;
  return { outcome: "debugging", detail };
}

function durationText(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function reloadPeer(
  daemon: Controlled,
  peerId: string,
): Done | ControlRefusal<"unknown-peer" | "impossible"> {
  const match = matchConfigured(daemon.config.plan, peerId);
  if (match.kind === "refused") return unknownPeer(peerId);
  if (match.kind === "local") {
    const detail = `${peerId} is a local user: it has no row; reload the configuration`;
    return { kind: "impossible", detail };
  }
  daemon.shell?.feed({ kind: "row-changed", egroup: match.egroup.name, peerId });
  const detail = isConnected(daemon, peerId)
    ? `the row of ${peerId} is read again, and compared with the one that it connected with`
    : `${peerId} is not connected: its row is read when it calls`;
  return { outcome: "checking", detail };
}

function whatOfReload({ force, dryRun }: ReloadHow): { readonly what: string } | undefined {
  if (dryRun === true) return { what: "what it would do" };
  return force === true ? { what: "forced" } : undefined;
}

function wordsOf(
  done: Reloaded,
  { dryRun }: ReloadHow,
): Done | ControlRefusal<"faulty" | "held" | "busy"> {
  if (!done.ok) {
    const { kind, faults } = done.error;
    return { kind, detail: `${WHY[kind]}: the former configuration stays in force`, faults };
  }
  const { needsRestart, warnings, databases, connected, closes, unread, ...rest } = done.value;
  const { reasons, gone, held } = rest;
  const more = {
    connected,
    closes,
    unread,
    held,
    gone,
    needs_restart: needsRestart,
    warnings,
    databases,
  };
  const closing = closes === 0 ? "no site" : `${closes} of ${connected} sites (${reasons})`;
  const may = unread === 0 ? "" : `; ${unread} more may be closed by rows that were not read`;
  if (dryRun === true) {
    return { outcome: "tried", detail: `a reload would close ${closing}${may}`, more };
  }
  const closed = closes === 0 ? "" : `; it closes ${closing}`;
  const detail = `the configuration file was reread and is in force${closed}${may}`;
  return { outcome: "reloaded", detail, more };
}

const WHY = {
  faulty: "the configuration file has faults",
  held: "the new configuration is refused unless it is forced (erouted reload --force)",
  busy: "another reload is under way",
} as const;

function unknownPeer(peerId: string): ControlRefusal<"unknown-peer"> {
  return { kind: "unknown-peer", detail: `no eroute's peerid matches ${peerId}` };
}

function isConnected({ concentrator }: Controlled, peerId: string): boolean {
  return concentrator
    .snapshot()
    .site(peerId)
    .some((view) => view.state === "established");
}

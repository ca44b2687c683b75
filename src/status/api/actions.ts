/** Actions of operators: each operation asks the daemon's control, and words its answer. */

import { err, ok } from "../../octets/result.ts";
import type { Control, ControlAnswer, ControlRefusal, RefusalKind } from "../control.ts";
import { found, type Refused } from "./answer.ts";
import type { Handlers } from "./operations.ts";

type ActionName =
  | "connect"
  | "disconnect"
  | "rekey"
  | "rekeyIke"
  | "reloadPeer"
  | "redirect"
  | "redirectAll"
  | "stopRedirects"
  | "debug"
  | "capture"
  | "ikeKeys"
  | "logLevel"
  | "reload";

/** The handlers of actions. */
export function actions(control: () => Control): Pick<Handlers, ActionName> {
  return {
    connect: ({ values: { id }, request: { remote } }) => ofSite(id, control().connect(id, remote)),
    disconnect: ({ values: { id }, request: { remote } }) =>
      ofSite(id, control().disconnect(id, remote)),
    rekey: ({ values: { id }, request: { remote } }) =>
      ofSite(id, control().rekey(id, "children", remote)),
    rekeyIke: ({ values: { id }, request: { remote } }) =>
      ofSite(id, control().rekey(id, "ike", remote)),
    reloadPeer: ({ values: { id }, request: { remote } }) =>
      ofSite(id, control().reloadPeer(id, remote)),
    redirect: ({ values: { id, to }, request: { remote } }) =>
      ofSite(id, control().redirect(id, to, remote)),
    redirectAll: async ({ values: { to }, request: { remote } }) =>
      replyOf(await control().redirectAll(to, remote)),
    stopRedirects: ({ request: { remote } }) => replyOf(control().stopRedirects(remote)),
    debug: ({ values: { id, seconds }, request: { remote } }) =>
      ofSite(id, control().debug(id, seconds, remote)),
    capture: ({ values: { id, ...limits }, request }) => {
      const opened = control().capture(id, "packets", limits, request.remote);
      return opened.ok ? streamed(opened.value, request) : refusal(opened.error);
    },
    ikeKeys: ({ values: { id, ...limits }, request }) => {
      const opened = control().capture(id, "keys", limits, request.remote);
      return opened.ok ? streamed(opened.value, request) : refusal(opened.error);
    },
    logLevel: ({ values: { level }, request: { remote } }) =>
      replyOf(control().logLevel(level, remote)),
    reload: async ({ values: { force, dry_run: dryRun }, request: { remote } }) =>
      replyOf(await control().reload({ force, dryRun }, remote)),
  };
}

/** Sent as it arrives; the connection does not count as idle, however quiet the site is. */
function streamed(body: ReadableStream<Uint8Array>, request: { stay(): void }) {
  request.stay();
  return found(body);
}

function ofSite<K extends RefusalKind>(peerId: string, answer: ControlAnswer<K>) {
  return replyOf(answer, { peer_id: peerId });
}

function replyOf<K extends RefusalKind>(
  answer: ControlAnswer<K>,
  about: Readonly<Record<string, string>> = {},
) {
  if (!answer.ok) return refusal(answer.error);
  const { outcome, after, detail, more } = answer.value;
  const isOver = ["connected", "reloaded", "debugging", "set", "tried"].includes(outcome);
  const status = isOver ? (200 as const) : (202 as const);
  return ok({ status, body: { ...about, outcome, after, detail, ...more } });
}

const STATUS = {
  "unknown-peer": 404,
  "not-connected": 404,
  "not-allowed": 403,
  impossible: 409,
  faulty: 422,
  held: 409,
  busy: 409,
} as const satisfies Readonly<Record<RefusalKind, number>>;

function refusal<K extends RefusalKind>({ kind, detail, faults }: ControlRefusal<K>) {
  const more = faults === undefined ? {} : { faults };
  return err<Refused<(typeof STATUS)[K]>>({ status: STATUS[kind], detail, more });
}

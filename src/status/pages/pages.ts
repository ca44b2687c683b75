/** The routes of the pages, with what they load. */

import type { Context, Hono } from "hono";
import type { ErouteView } from "../../concentrator/snapshot.ts";
import { PEER_ID_LENGTH_MAX } from "../../eroute/peer-id.ts";
import type { StatusBindings } from "../api/control-routes.ts";
import { erouteQueryOf } from "../api/eroute-query.ts";
import { oneOf, wholeNumber } from "../api/query.ts";
import type { Control } from "../control.ts";
import type { ErouteQuery } from "../lists/eroutes.ts";
import { beforeOf, eventFilterOf, eventsOf } from "../lists/events.ts";
import { notConnectedQueryOf } from "../lists/not-connected.ts";
import { peersPage, peersWantedOf } from "../lists/peers.ts";
import { problem } from "../problem.ts";
import { RANGES } from "../series.ts";
import type { StatusSource } from "../source.ts";
import {
  EROUTES_PATH,
  EVENTS_PATH,
  IKE_SAS_PATH,
  NOT_CONNECTED_PATH,
  PEERS_PATH,
  SCRIPT_PATH,
  SITE_PATH,
  STYLE_PATH,
  SYSTEM_PATH,
  TUNNELS_PATH,
} from "./document.tsx";
import { dynamicTunnelsPage, eroutesPage } from "./dynamic-tunnels-page.tsx";
import { eventsPage } from "./events-page.tsx";
import { ikeSasPage } from "./ike-sas-page.tsx";
import { LIVE_SCRIPT } from "./live-script.ts";
import { notConnectedPage } from "./not-connected-page.tsx";
import { peersPageText } from "./peers-page.tsx";
import { sitePage } from "./site-page.tsx";
import { STYLE } from "./style.ts";
import { systemPage } from "./system-page.tsx";

const PAGES_MAX = 100_000;
/** Events of one page. */
const EVENTS_SHOWN = 200;

/** Adds the pages, their style sheet and their script. */
export function addPages(
  app: Hono<StatusBindings>,
  source: StatusSource,
  control: Control | undefined,
): void {
  app.get(STYLE_PATH, (c) => c.body(STYLE, 200, { "Content-Type": "text/css; charset=utf-8" }));
  app.get(SCRIPT_PATH, (c) =>
    c.body(LIVE_SCRIPT, 200, { "Content-Type": "text/javascript; charset=utf-8" }),
  );
  app.get(TUNNELS_PATH, (c) =>
    list(c, "dynamic", (query, page) => dynamicTunnelsPage(source, query, page)),
  );
  app.get(EROUTES_PATH, (c) =>
    list(c, undefined, (query, page) => eroutesPage(source, query, page)),
  );
  app.get(IKE_SAS_PATH, (c) =>
    list(c, undefined, (query, page) => ikeSasPage(source, query, page)),
  );
  app.get(NOT_CONNECTED_PATH, (c) => notConnected(c, source));
  app.get(PEERS_PATH, (c) => peers(c, source));
  app.get(`${SITE_PATH}/:id`, (c) => site(c, source, control));
  app.get(EVENTS_PATH, (c) => events(c, source));
  app.get(SYSTEM_PATH, (c) => {
    const range = oneOf(c, "range", RANGES);
    if (!range.ok) return problem(c, 400, range.error);
    return c.html(systemPage(source, range.value ?? "hour"));
  });
}

async function list(
  c: Context,
  kind: ErouteView["kind"] | undefined,
  make: (query: ErouteQuery, page: number) => Promise<string>,
): Promise<Response> {
  const page = wholeNumber(c, "page", { least: 1, most: PAGES_MAX, otherwise: 1 });
  if (!page.ok) return problem(c, 400, page.error);
  const query = erouteQueryOf(c, kind);
  if (!query.ok) return problem(c, 400, query.error);
  return c.html(await make(query.value, page.value));
}

async function notConnected(c: Context, source: StatusSource): Promise<Response> {
  const page = wholeNumber(c, "page", { least: 1, most: PAGES_MAX, otherwise: 1 });
  if (!page.ok) return problem(c, 400, page.error);
  const query = notConnectedQueryOf(c);
  if (!query.ok) return problem(c, 400, query.error);
  return c.html(await notConnectedPage(source, query.value, page.value));
}

async function peers(c: Context, source: StatusSource): Promise<Response> {
  const wanted = peersWantedOf(c, source);
  if (!wanted.ok) return problem(c, 400, wanted.error);
  const page = await peersPage(source, wanted.value);
  const shown = page.ok ? page.value : { fault: page.error };
  return c.html(peersPageText(source, wanted.value, shown));
}

async function site(
  c: Context<StatusBindings, `${typeof SITE_PATH}/:id`>,
  source: StatusSource,
  control: Control | undefined,
): Promise<Response> {
  const peerId = c.req.param("id");
  if (peerId.length > PEER_ID_LENGTH_MAX || /\p{Cc}/u.test(peerId)) {
    return problem(c, 400, `a peer ID has at most ${PEER_ID_LENGTH_MAX} printable characters`);
  }
  const session = c.get("session");
  const said = session?.said;
  if (session !== undefined) session.said = undefined;
  const canOperate = control?.token !== undefined;
  return c.html(await sitePage(source, peerId, { session, said, canOperate }));
}

function events(c: Context, source: StatusSource): Response | Promise<Response> {
  const filter = eventFilterOf(c);
  if (!filter.ok) return problem(c, 400, filter.error);
  const before = beforeOf(c);
  if (!before.ok) return problem(c, 400, before.error);
  const wanted = { after: 0, before: before.value, wants: filter.value };
  // One more tells whether there are older ones.
  const found = eventsOf(source, wanted, EVENTS_SHOWN + 1);
  const records = found.slice(-EVENTS_SHOWN).toReversed();
  const older = found.length > EVENTS_SHOWN ? records.at(-1)?.sequence : undefined;
  const [site, level] = [c.req.query("site"), c.req.query("level")];
  return c.html(eventsPage(source, { site, level, before: before.value, records, older }));
}

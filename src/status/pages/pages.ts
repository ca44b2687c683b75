/** The routes of the pages, with what they load. */

import type { Context, Hono } from "hono";
import {
  EROUTE_FILTERS,
  EVENT_PAGE,
  NOT_CONNECTED_FILTERS,
  PEERS_PAGE,
  SERIES_RANGE,
} from "../api/filters.ts";
import {
  type Parameters,
  PEER_ID,
  readParameters,
  type ValuesOf,
  whole,
} from "../api/parameters.ts";
import type { Control } from "../control.ts";
import { erouteQuery } from "../lists/eroutes.ts";
import { eventFilter, eventsOf } from "../lists/events.ts";
import { peersPage, peersWanted } from "../lists/peers.ts";
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
} from "../paths.ts";
import { problem } from "../problem.ts";
import type { StatusBindings } from "../request.ts";
import type { StatusSource } from "../source.ts";
import { dynamicTunnelsPage, eroutesPage } from "./dynamic-tunnels-page.tsx";
import { eventsPage } from "./events-page.tsx";
import { ikeSasPage } from "./ike-sas-page.tsx";
import { LIVE_SCRIPT } from "./live-script.ts";
import { notConnectedPage } from "./not-connected-page.tsx";
import { peersPageText } from "./peers-page.tsx";
import { sitePage } from "./site-page.tsx";
import { STYLE } from "./style.ts";
import { systemPage } from "./system-page.tsx";

/** Events of one page. */
const EVENTS_SHOWN = 200;

const PAGE = {
  page: whole("The page of the list.", { least: 1, most: 100_000, otherwise: 1 }),
};
const EROUTES = { ...PAGE, ...EROUTE_FILTERS };
const NOT_CONNECTED = { ...PAGE, ...NOT_CONNECTED_FILTERS };
const SITE = { id: PEER_ID };

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
  addPage(app, TUNNELS_PATH, EROUTES, (asked) =>
    dynamicTunnelsPage(source, erouteQuery(asked, "dynamic"), asked.page),
  );
  addPage(app, EROUTES_PATH, EROUTES, (asked) =>
    eroutesPage(source, erouteQuery(asked, undefined), asked.page),
  );
  addPage(app, IKE_SAS_PATH, EROUTES, (asked) =>
    ikeSasPage(source, erouteQuery(asked, undefined), asked.page),
  );
  addPage(app, NOT_CONNECTED_PATH, NOT_CONNECTED, ({ q, last, who, offers, page }) =>
    notConnectedPage(source, { text: q, last, who, offers }, page),
  );
  addPage(app, PEERS_PATH, PEERS_PAGE, async (asked, c) => {
    const wanted = peersWanted(asked, source.facts.egroups);
    if (!wanted.ok) return problem(c, 400, wanted.error);
    const page = await peersPage(source, wanted.value);
    const shown = page.ok ? page.value : { fault: page.error };
    return peersPageText(source, wanted.value, shown);
  });
  addPage(app, `${SITE_PATH}/:id`, SITE, ({ id }, c) => {
    const session = c.get("session");
    const said = session?.said;
    if (session !== undefined) session.said = undefined;
    return sitePage(source, id, { session, said, canOperate: control?.token !== undefined });
  });
  addPage(app, EVENTS_PATH, EVENT_PAGE, (asked) => events(source, asked));
  addPage(app, SYSTEM_PATH, SERIES_RANGE, ({ range = "hour" }) => systemPage(source, range));
}

type Made = string | Response;

/** A page whose parameters are checked like those of the API. */
function addPage<P extends Parameters>(
  app: Hono<StatusBindings>,
  path: string,
  parameters: P,
  make: (values: ValuesOf<P>, c: Context<StatusBindings>) => Made | Promise<Made>,
): void {
  app.get(path, async (c) => {
    const values = readParameters(parameters, (name, from) =>
      from === "path" ? c.req.param(name) : c.req.query(name),
    );
    if (!values.ok) return problem(c, 400, values.error);
    const made = await make(values.value, c);
    return typeof made === "string" ? c.html(made) : made;
  });
}

function events(source: StatusSource, asked: ValuesOf<typeof EVENT_PAGE>): string {
  const { before, site, level } = asked;
  const wanted = { after: 0, before, wants: eventFilter(asked) };
  // One more shows whether there are older ones.
  const found = eventsOf(source, wanted, EVENTS_SHOWN + 1);
  const records = found.slice(-EVENTS_SHOWN).toReversed();
  const older = found.length > EVENTS_SHOWN ? records.at(-1)?.sequence : undefined;
  return eventsPage(source, { site, level, before, records, older });
}

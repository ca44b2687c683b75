/** Eroutes in use as the API answers them: lists, one site's, and states that drain. */

import type { ErouteView } from "../../concentrator/snapshot.ts";
import { erouteQuery, listEroutes } from "../lists/eroutes.ts";
import { inTurns } from "../lists/turns.ts";
import type { StatusSource } from "../source.ts";
import { found } from "./answer.ts";
import type { Asked, Handler } from "./operations.ts";
import { drainingStateJson, erouteJson, NO_DATAPLANE } from "./views.ts";

/** Rows that are made in one turn of the event loop: well under a millisecond's worth. */
const ROWS_PER_TURN = 100;

/** Eroutes of one kind, or all that are in use. */
export function listOf(
  source: StatusSource,
  kind: ErouteView["kind"] | undefined,
): Handler<"eroutes"> & Handler<"dynamicEroutes"> {
  return async ({ values }: Asked<"eroutes">) => {
    const page = { limit: values.limit, offset: values.offset };
    const query = erouteQuery(values, kind);
    const { total, views } = await listEroutes(source, query, page);
    const uses = await source.usesOf(views);
    const { dataplane } = source.facts;
    const note = dataplane === "none" ? { dataplane_note: NO_DATAPLANE } : {};
    const head = JSON.stringify({ dataplane, ...note, total, ...page });
    const rows = await inTurns(views, ROWS_PER_TURN, (view) =>
      JSON.stringify(erouteJson(view, source, uses)),
    );
    const key = kind === "dynamic" ? "dynamic_eroutes" : "eroutes";
    return found({ jsonText: `${head.slice(0, -1)},"${key}":[${rows.join(",")}]}` });
  };
}

/** Inbound states of replaced Child SAs that the kernel still has. */
export function drainingStates(source: StatusSource): Handler<"drainingStates"> {
  return ({ values }) => {
    const snapshot = source.snapshot();
    const views = snapshot.drainingStates(values.limit);
    return found({
      total: snapshot.gauges.drainingStates,
      draining_states: views.map((view) => drainingStateJson(view, source)),
    });
  };
}

/** One site's eroutes in use; a site is connected if it has a Child SA. */
export function peer(source: StatusSource): Handler<"peer"> {
  return async ({ values: { id } }) => {
    const uses = await source.usesOf(source.snapshot().site(id));
    const snapshot = source.snapshot();
    const views = snapshot.site(id);
    return found({
      peer_id: id,
      connected: snapshot.isConnected(id),
      calling: snapshot.isCalling(id),
      eroutes: views.map((view) => erouteJson(view, source, uses)),
    });
  };
}

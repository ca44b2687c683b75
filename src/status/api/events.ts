/** The journal as the API answers it: the last events, or those after or before one. */

import { eventFilter, eventsOf } from "../lists/events.ts";
import type { StatusSource } from "../source.ts";
import { found } from "./answer.ts";
import type { Handler } from "./operations.ts";
import { eventJson } from "./views.ts";

/** The last matching events, oldest first. */
export function events(source: StatusSource): Handler<"events"> {
  return ({ values }) => {
    const { limit, after = 0, before } = values;
    const records = eventsOf(source, { after, before, wants: eventFilter(values) }, limit);
    const [oldest] = source.eventsAfter(0, 1);
    const keptSince = oldest === undefined ? null : new Date(oldest.wallMs).toISOString();
    return found({ kept_since: keptSince, events: records.map(eventJson) });
  };
}

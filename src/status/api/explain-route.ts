/** `GET /api/v1/peers/:id/explain`: why a site is or is not connected, and what it did before. */

import type { Context } from "hono";
import { PEER_ID_LENGTH_MAX } from "../../eroute/peer-id.ts";
import { problem } from "../problem.ts";
import type { StatusSource } from "../source.ts";
import { explanationJson } from "./explanation-json.ts";

/** Look-ups for people at the same time: each may hold a database connection until its deadline. */
const AT_ONCE_MAX = 8;

/** Answers with the explanation; 400 for what can be no ID, 503 with too many at once. */
export function explainRoute(
  source: StatusSource,
): (c: Context<object, "/api/v1/peers/:id/explain">) => Promise<Response> {
  let underWay = 0;
  return async (c) => {
    const asked = c.req.param("id");
    if (asked.length > PEER_ID_LENGTH_MAX || /\p{Cc}/u.test(asked)) {
      return problem(c, 400, `a peer ID has at most ${PEER_ID_LENGTH_MAX} printable characters`);
    }
    if (underWay >= AT_ONCE_MAX) {
      return problem(c, 503, "too many ask at once: try again", { "Retry-After": "1" });
    }
    underWay++;
    try {
      return c.json(explanationJson(asked, await source.explain(asked)));
    } finally {
      underWay--;
    }
  };
}

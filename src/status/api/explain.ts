/** Why a site is or is not connected, as the API answers it. */

import type { StatusSource } from "../source.ts";
import { found, refuse } from "./answer.ts";
import { explanationJson } from "./explanation-json.ts";
import type { Handler } from "./operations.ts";

/** Look-ups for people at the same time: each may hold a database connection until its deadline. */
const AT_ONCE_MAX = 8;

/** The explanation; 503 if there are too many requests at once. */
export function explain(source: StatusSource): Handler<"explain"> {
  let underWay = 0;
  return async ({ values: { id } }) => {
    if (underWay >= AT_ONCE_MAX) {
      return refuse(503, "too many requests at once: try again", { "Retry-After": "1" });
    }
    underWay++;
    try {
      return found(explanationJson(id, await source.explain(id)));
    } finally {
      underWay--;
    }
  };
}

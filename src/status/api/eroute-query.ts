/** What a request wants of the eroutes: `q`, `eroute`, `state`, `sort`. */

import type { Context } from "hono";
import type { ErouteView } from "../../concentrator/snapshot.ts";
import { ok, type Result } from "../../octets/result.ts";
import {
  EROUTE_SORTS,
  EROUTE_STATES,
  type ErouteQuery,
  type ErouteSort,
} from "../lists/eroutes.ts";
import { oneOf, textOf } from "./query.ts";

/** Both directions of each key: `-bytes_in` has the most at the head. */
export const SORTS = EROUTE_SORTS.flatMap((key) => [key, `-${key}`] as const);

/** The query, or what is wrong with it. */
export function erouteQueryOf(
  c: Context,
  kind: ErouteView["kind"] | undefined,
): Result<ErouteQuery, string> {
  const text = textOf(c, "q");
  if (!text.ok) return text;
  const eroute = textOf(c, "eroute");
  if (!eroute.ok) return eroute;
  const state = oneOf(c, "state", EROUTE_STATES);
  if (!state.ok) return state;
  const sort = oneOf(c, "sort", SORTS);
  if (!sort.ok) return sort;
  const key = sort.value?.replace(/^-/, "") as ErouteSort | undefined;
  return ok({
    ...{ kind, text: text.value, eroute: eroute.value, state: state.value },
    sort: key,
    descending: sort.value?.startsWith("-") ?? false,
  });
}

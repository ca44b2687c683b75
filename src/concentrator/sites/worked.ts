/** With which key exchange sites got new keys: their next IKE SA begins with it. */

import type { Method } from "../../ike/method.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { type Engine, inMs } from "../engine.ts";
import { ikeSaAt } from "./ike-sas.ts";

/** Sites that are remembered; the oldest is forgotten first. */
const WORKED_MAX = 16_384;
/** The site may have another configuration by then: it is found out anew. */
const WORKED_MS = 7 * 24 * 3_600_000;

/** The site of this IKE SA has new keys. */
export function onChildMethod(engine: Engine, spi: IkeSpi, method: Method): void {
  const eroute = ikeSaAt(engine, spi)?.eroute;
  if (eroute !== undefined) rememberMethod(engine, eroute.key, method);
}

/** For the next IKE SA of the site with this eroute. */
export function rememberMethod(engine: Engine, key: string, method: Method): void {
  const { worked } = engine.sites;
  worked.delete(key);
  worked.set(key, { method, until: inMs(engine, WORKED_MS) });
  const [oldest] = worked.keys();
  if (worked.size > WORKED_MAX && oldest !== undefined) worked.delete(oldest);
}

/** What its credentials say about it. */
export function methodFor({ sites, now }: Engine, key: string): { readonly childMethod?: Method } {
  const known = sites.worked.get(key);
  if (known === undefined) return {};
  if (known.until > now) return { childMethod: known.method };
  sites.worked.delete(key);
  return {};
}

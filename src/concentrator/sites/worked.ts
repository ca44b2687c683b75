/** With which key exchange sites got new keys: their next IKE SA begins with it. */

import type { IkeMajor } from "../../eroute/eroute.ts";
import type { Method } from "../../ike/method.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { type Engine, inMs } from "../engine.ts";
import { factsAt, ikeSaAt } from "./ike-sas.ts";
import type { Worked } from "./sites.ts";

/** Sites that are remembered; the oldest is forgotten first. */
const WORKED_MAX = 16_384;
/** The site may have another configuration by then: it is found out anew. */
const WORKED_MS = 7 * 24 * 3_600_000;

/** The site of this IKE SA has new keys. */
export function onChildMethod(engine: Engine, spi: IkeSpi, method: Method): void {
  const eroute = ikeSaAt(engine, spi)?.eroute;
  const major = factsAt(engine, spi)?.version;
  if (eroute === undefined || major === undefined) return;
  rememberMethod(engine, eroute.key, { method, major });
}

/** For the next IKE SA of the site with this eroute. */
export function rememberMethod(
  engine: Engine,
  key: string,
  { method, major }: Pick<Worked, "method" | "major">,
): void {
  const { worked } = engine.sites;
  worked.delete(key);
  worked.set(key, { method, major, until: inMs(engine, WORKED_MS) });
  const [oldest] = worked.keys();
  if (worked.size > WORKED_MAX && oldest !== undefined) worked.delete(oldest);
}

/** What its credentials say about it: versions are configured separately, also at the site. */
export function methodFor(
  { sites, now }: Engine,
  key: string,
  major: IkeMajor,
): { readonly childMethod?: Method } {
  const known = sites.worked.get(key);
  if (known?.major !== major) return {};
  if (known.until > now) return { childMethod: known.method };
  sites.worked.delete(key);
  return {};
}

/**
 * Merges several eroutes to one peer: the old router has an eroute for each pair of subnets, while
 * erouted finds one eroute for a peer by its ID.
 */

import { peerKey } from "../../eroute/peer-id.ts";
import type { SarosEroute } from "./eroute.ts";
import { taken, toDo } from "./settings.ts";
import type { TomlValue } from "./toml.ts";

/** The eroutes that remain, in their order; the report says what became of the others. */
export function mergeEroutes(eroutes: readonly SarosEroute[]): readonly SarosEroute[] {
  const firsts = new Map<string, SarosEroute>();
  return eroutes.filter((eroute) => {
    const id = peerKey(eroute.peerid);
    const first = firsts.get(id);
    if (first === undefined) firsts.set(id, eroute);
    // It cannot be known which of two base eroutes is meant: erouted check names them (R11).
    if (first === undefined || isBase(first) || isBase(eroute)) return true;
    return !join(first, eroute);
  });
}

function isBase({ section }: SarosEroute): boolean {
  return section.keys.has("egroup");
}

/**
 * Whether the first now stands for both; everything but the subnets of one side has to be equal.
 */
function join(first: SarosEroute, second: SarosEroute): boolean {
  const name = String(first.section.keys.get("name"));
  const { settings } = second;
  const line = settings.firstLine;
  const different = differences(first, second);
  const sides = different.filter((key) => key === LOCAL || key === REMOTE);
  if (different.length > 1 || sides.length !== different.length) {
    const why = `eroute ${name} has the same peerid, but differs in ${different.join(", ")}`;
    settings.remark(line, "peerid", toDo(`${why}: only that one is used, make one of them`));
    return false;
  }
  for (const key of sides) {
    const all = [...listOf(first.section.keys.get(key)), ...listOf(second.section.keys.get(key))];
    first.section.keys.set(key, [...new Set(all)]);
  }
  settings.remark(line, "(all of it)", taken(`part of eroute ${name}, which has the same peerid`));
  return true;
}

const LOCAL = "local_subnet";
const REMOTE = "remote_subnet";

function differences(first: SarosEroute, second: SarosEroute): readonly string[] {
  const [one, other] = [first.section.keys, second.section.keys];
  const all = new Set([...one.keys(), ...other.keys()]);
  // Names differ; IDs are equal except for upper and lower case.
  for (const key of ["name", "peerid"]) all.delete(key);
  const textOf = (value: TomlValue | undefined) => JSON.stringify(value);
  return [...all].filter((key) => textOf(one.get(key)) !== textOf(other.get(key)));
}

function listOf(value: TomlValue | undefined): readonly string[] {
  if (Array.isArray(value)) return value;
  return typeof value === "string" ? [value] : [];
}

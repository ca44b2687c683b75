/** `user n` of the old router: those whose names are peer IDs of normal eroutes (R3). */

import { matchesPattern } from "../../eroute/pattern.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import type { SarosEroute } from "./eroute.ts";
import { none, type Settings, taken, toDo } from "./settings.ts";
import { type Section, section } from "./toml.ts";
import { fateOfSecret, type Vault } from "./vault.ts";

/** Their sections; the others are logins of the old router, and the report says so. */
export function importUsers(
  users: readonly Settings[],
  eroutes: readonly SarosEroute[],
  vault: Vault,
): readonly Section[] {
  const findEroute = erouteFinder(eroutes);
  const names = new Map<string, number>();
  return users.flatMap((settings) => {
    const name = settings.get("name");
    const eroute = name === undefined ? undefined : findEroute(name);
    if (name === undefined || eroute === undefined) {
      settings.tellRest(() => none("no normal eroute has this user's name as its peerid (R3)"));
      return [];
    }
    const base = String(eroute.section.keys.get("name"));
    if (eroute.section.keys.has("egroup")) {
      settings.tellRest(() => none(`base eroute ${base} sends this ID to its database (R2)`));
      return [];
    }
    const first = names.get(peerKey(name));
    if (first !== undefined) {
      settings.tellRest(() => toDo(`user ${first} has the same name: only that one is taken over`));
      return [];
    }
    names.set(peerKey(name), settings.instance);
    return [userSection(settings, name, vault)];
  });
}

/** In erouted's order: base eroutes first, then the normal ones in their order. */
function erouteFinder(eroutes: readonly SarosEroute[]): (name: string) => SarosEroute | undefined {
  const patterns = eroutes.filter(({ peerid }) => /[*?]/.test(peerid));
  const isBase = ({ section: { keys } }: SarosEroute) => keys.has("egroup");
  const inOrder = [...patterns.filter(isBase), ...patterns.filter((eroute) => !isBase(eroute))];
  const exact = new Map<string, SarosEroute>();
  for (const eroute of eroutes) {
    const id = peerKey(eroute.peerid);
    if (!exact.has(id)) exact.set(id, eroute);
  }
  return (name) => {
    const own = exact.get(peerKey(name));
    const matching = inOrder.find(({ peerid }) => matchesPattern({ text: peerid }, name));
    return matching !== undefined && (own === undefined || isBase(matching)) ? matching : own;
  };
}

function userSection(settings: Settings, name: string, vault: Vault): Section {
  const user = section("[[user]]");
  user.keys.set("name", name);
  settings.tell("name", taken(`user ${name}`));
  const password = settings.get("password");
  const file =
    password === undefined ? undefined : vault.putKey(`user${settings.instance}`, password);
  settings.tell("password", fateOfSecret(file));
  for (const key of ["epassword", "enckey"]) {
    settings.tell(key, toDo("is encrypted by the router and cannot be read back: set it again"));
  }
  settings.tellRest(() => none("local users of erouted have only a name and a password"));
  user.keys.set("password_file", file ?? `/etc/erouted/user${settings.instance}.secret`);
  user.isComment = file === undefined;
  if (user.isComment) {
    user.comments.push("To do: create the file with the pre-shared key, then remove the # signs.");
  }
  return user;
}

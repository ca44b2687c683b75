/** Local users: names are peer IDs, passwords pre-shared keys (R3). */

import type { LocalUser } from "../eroute/eroute.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { PPK_FORMS, type Ppk, ppkOf, ppkWeakness } from "../eroute/ppk.ts";
import { pskOf } from "../eroute/psk.ts";
import { pskWeakness } from "../eroute/psk-weakness.ts";
import type { Check } from "./check.ts";
import { type KeyPath, quoted } from "./fault.ts";
import type { RawConfig, RawUser } from "./schema.ts";
import { secretOf } from "./secret.ts";
import { idOf } from "./value.ts";

/** A user's name, and the whole user if the secret could be read. */
export type ReadUser = {
  readonly path: KeyPath;
  readonly name: string;
  readonly user: LocalUser | undefined;
  /** What is weak about its pre-shared key, in words that follow "its password". */
  readonly weakness: string | undefined;
};

/** All users whose names are valid. */
export function readUsers(check: Check, raw: RawConfig): readonly ReadUser[] {
  const users: ReadUser[] = [];
  const keys = new Set<string>();
  for (const [i, rawUser] of (raw.user ?? []).entries()) {
    const path = ["user", i];
    const name = idOf(check, [...path, "name"], rawUser.name);
    const read = readPsk(check, path, rawUser);
    if (name === undefined) continue;
    const ppk = readPpk(check, path, { ...rawUser, name });
    if (keys.has(peerKey(name))) {
      check.fault([...path, "name"], `is ${quoted(name)} for a second user`, "another name");
    }
    keys.add(peerKey(name));
    const weakness = read === undefined ? undefined : pskWeakness(read.secret, name, "auto");
    const user = read === undefined ? undefined : { name, psk: read.psk, ppk };
    users.push({ path, name, user, weakness });
  }
  return users;
}

type ReadPsk = { readonly psk: Uint8Array; readonly secret: string };

function readPsk(check: Check, path: KeyPath, raw: RawUser): ReadPsk | undefined {
  const { password_file: file, password_env: env } = raw;
  const keys = ["password_file", "password_env", "password"];
  if (file === undefined && env === undefined) {
    // A wrong key has already been reported; this message would only repeat it.
    if (keys.some((key) => check.isFaulty([...path, key]))) return undefined;
    check.fault(path, "has no pre-shared key", "password_file or password_env");
    return undefined;
  }
  const secret = secretOf(check, { path, word: "password", file, env });
  if (secret === undefined) return undefined;
  const psk = pskOf(secret);
  if (psk.ok) return { psk: psk.value, secret };
  const key = file === undefined ? "password_env" : "password_file";
  check.fault([...path, key], `names a password that ${psk.error}`, PASSWORD_FORMS);
  return undefined;
}

/** Its PPK (RFC 8784); the identifier makes no sense without a key. */
function readPpk(check: Check, path: KeyPath, raw: RawUser & { name: string }): Ppk | undefined {
  const { ppk_file: file, ppk_env: env, ppk_id: id } = raw;
  if (file === undefined && env === undefined) {
    if (id === undefined || check.isFaulty([...path, "ppk_file"])) return undefined;
    check.fault(
      [...path, "ppk_id"],
      "is set, but there is no key",
      "ppk_file or ppk_env beside it",
    );
    return undefined;
  }
  const secret = secretOf(check, { path, word: "ppk", file, env });
  if (secret === undefined) return undefined;
  const key = file === undefined ? "ppk_env" : "ppk_file";
  const ppk = ppkOf(secret, id, raw.name);
  if (!ppk.ok) {
    const { at, what } = ppk.error;
    if (at === "ppk_id") check.fault([...path, at], what, PPK_FORMS);
    else check.fault([...path, key], `names a key that ${what}`, PPK_FORMS);
    return undefined;
  }
  const weakness = ppkWeakness(secret);
  if (weakness !== undefined) {
    check.warn([...path, key], `names a key that ${weakness}`, "openssl rand -hex 32 behind 0x");
  }
  return ppk.value;
}

const PASSWORD_FORMS = "0x and hex digits, 0s and base64, or a text that begins with neither";

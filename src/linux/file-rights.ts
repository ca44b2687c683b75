/** Opens files as another user would, and keeps all other privileges (man 2 setfsuid). */

import { err, ok, type Result } from "../octets/result.ts";
import type { Account } from "./accounts.ts";
import { openLibc } from "./libc.ts";

/**
 * From now on this thread opens, reads and creates files with the rights of `account` only. Root no
 * longer bypasses file permissions then, but keeps its privileges for sockets and the kernel.
 */
export function useFileRightsOf({ uid, gid, groups }: Account): Result<undefined, string> {
  const libc = openLibc();
  if (!libc.ok) return err(libc.error.detail);
  const done = libc.value.useFilesAs(uid, gid, new Uint32Array([gid, ...groups]));
  return done ? ok(undefined) : err(`the rights of user ${uid} cannot be adopted`);
}

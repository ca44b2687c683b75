/** Root, who may read everything, checks files with the rights of the service. */

import { accountOf } from "../linux/accounts.ts";
import { useFileRightsOf } from "../linux/file-rights.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { serviceAccount } from "./service-user.ts";

/**
 * From now on this thread opens files as `user`, or as root with the rights of the service. Returns
 * a note about it, if there is one.
 */
export function judgeFilesAs(user: string | undefined): Result<string | undefined, string> {
  if (user === undefined && process.geteuid?.() !== 0) return ok(undefined);
  const account = user === undefined ? serviceAccount() : accountOf(user);
  if (account === undefined) {
    return user === undefined ? ok(undefined) : err(`there is no user ${user}`);
  }
  const done = account.uid === process.geteuid?.() ? ok(undefined) : useFileRightsOf(account);
  if (!done.ok) return done;
  const why = user === undefined ? ", as the service does (--as root: with all rights)" : "";
  return ok(`files are opened as ${account.name}${why}`);
}

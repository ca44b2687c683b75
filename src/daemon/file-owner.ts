/** Files that root creates for a service of another user, and files that a user may not read. */

import { chmodSync, chownSync, existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Account, accountOf, groupName, userName } from "../linux/accounts.ts";
import { serviceAccount } from "./service-user.ts";

/**
 * A file that root creates in another user's folder gets that user as owner; in a group's folder
 * the group may read it. Users other than root change nothing.
 */
export function handOver(file: string): void {
  if (process.geteuid?.() !== 0) return;
  const folder = statSync(dirname(file));
  if (folder.uid !== 0) chownSync(file, folder.uid, folder.gid);
  else if (folder.gid !== 0) {
    chownSync(file, 0, folder.gid);
    chmodSync(file, (statSync(file).mode & 0o700) | 0o040);
  }
}

/**
 * The same for a database file, beside which its user has to create others. If the folder does not
 * show the owner, the error is the command to run.
 */
export function handOverTable(file: string): string | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const folder = dirname(file);
  const { uid, gid } = statSync(folder);
  if (uid !== 0) {
    const made = [file, `${file}-wal`, `${file}-shm`].filter(existsSync);
    for (const path of made) chownSync(path, uid, gid);
    return undefined;
  }
  const account = serviceAccount();
  if (account === undefined) return undefined;
  const owner = `${account.name}:${groupName(account.gid)}`;
  return `the service runs as ${account.name}: chown ${owner} ${folder} ${file}`;
}

/**
 * The owner of a file that could not be read, and the command that makes it readable: ` by erouted
 * (root:root, mode 600): chgrp erouted FILE && chmod 640 FILE`.
 */
export function howToLetRead(file: string): string {
  const who = filesOpenedAs();
  const name = who?.name ?? `user ${process.geteuid?.()}`;
  try {
    const { uid, gid, mode } = statSync(file);
    const whose = `${userName(uid)}:${groupName(gid)}, mode ${(mode & 0o777).toString(8)}`;
    const group = who === undefined ? "GROUP" : groupName(who.gid);
    return ` by ${name} (${whose}): chgrp ${group} ${file} && chmod 640 ${file}`;
  } catch {
    return ` by ${name}, who may not enter ${dirname(file)}`;
  }
}

/** The user with whose rights this thread opens files: the fourth number is for files. */
function filesOpenedAs(): Account | undefined {
  try {
    const status = readFileSync("/proc/thread-self/status", "utf8");
    const uid = /^Uid:(?:\s+\d+){3}\s+(\d+)$/m.exec(status)?.[1];
    return uid === undefined ? undefined : accountOf(uid);
  } catch {
    return undefined;
  }
}

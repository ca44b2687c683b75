/** Users and groups of this machine, from /etc/passwd and /etc/group. */

import { readFileSync } from "node:fs";

export type Account = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Its supplementary groups. */
  readonly groups: readonly number[];
};

/** Finds an account by name or number; undefined if there is none here. */
export function accountOf(user: string): Account | undefined {
  for (const [name = "", , uid, gid] of lines("/etc/passwd")) {
    if (name !== user && uid !== user) continue;
    const groups = lines("/etc/group")
      .filter(([, , , members = ""]) => members.split(",").includes(name))
      .map(([, , id]) => Number(id));
    return { name, uid: Number(uid), gid: Number(gid), groups };
  }
  return undefined;
}

/** The name, such as `erouted`, or the number if it has no name. */
export function userName(uid: number): string {
  return nameOf("/etc/passwd", uid);
}

export function groupName(gid: number): string {
  return nameOf("/etc/group", gid);
}

function nameOf(file: string, id: number): string {
  return lines(file).find(([, , number]) => number === String(id))?.[0] ?? String(id);
}

function lines(file: string): readonly (readonly string[])[] {
  try {
    const text = readFileSync(file, "utf8");
    return text.split("\n").map((line) => line.split(":"));
  } catch {
    return [];
  }
}

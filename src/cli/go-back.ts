/** A new executable whose upgrade was killed makes room for the former one. */

import { statSync } from "node:fs";
import { beginTrial, endProof, type Trial } from "../daemon/proof.ts";
import { become } from "../daemon/restart.ts";
import { printable, type Terminal } from "./terminal.ts";
import { formerOf, putBack } from "./upgrade-files.ts";

/** What is known of this executable at its start; undefined: it has nothing to prove. */
export function ownTrial(environment: NodeJS.ProcessEnv): Trial | undefined {
  const folder = folderOf(environment);
  return folder === undefined ? undefined : beginTrial(folder, process.execPath);
}

/**
 * Becomes the former executable, under the same process ID. Its name it gets only where this user
 * may give it; without it, it runs all the same. Returns if there is none, or it cannot run.
 */
export function goBack(environment: NodeJS.ProcessEnv, terminal: Terminal): void {
  const folder = folderOf(environment);
  const executable = process.execPath;
  const former = formerOf(executable);
  if (folder === undefined || !isAsOurs(former, executable)) return;
  const back = putBack(executable);
  const how = back.ok ? "is put back" : `runs as ${former}: ${back.error}`;
  const why = "this executable has not become ready, and its upgrade was ended halfway";
  terminal.err(printable(`erouted: ${why}: the former one ${how}`));
  if (back.ok) endProof(folder);
  const path = back.ok ? executable : former;
  const fault = become(path);
  terminal.err(printable(`erouted: ${path} cannot be started: ${fault}`));
}

function folderOf({ RUNTIME_DIRECTORY = "" }: NodeJS.ProcessEnv): string | undefined {
  return RUNTIME_DIRECTORY.split(":")[0] || undefined;
}

/** Nobody else may choose what runs with our rights. */
function isAsOurs(former: string, executable: string): boolean {
  try {
    const [a, b] = [statSync(former), statSync(executable)];
    return a.isFile() && a.uid === b.uid && (a.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

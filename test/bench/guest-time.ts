/** The CPU time of a guest, asked for by programs in it: the guest's own clock of CPU reads 0. */

import { existsSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Guest } from "../real/uml.ts";

const LOOK_EVERY_MS = 5;

/** Outside: answers what is asked in this folder, until the returned function is called. */
export function answerCpuTime(guest: Guest, work: string): () => void {
  let asked = 0;
  const answer = setInterval(() => {
    if (!existsSync(join(work, `ask-${asked}`))) return;
    const file = join(work, `cpu-${asked++}`);
    writeFileSync(file, guest.cpuSeconds().toFixed(3));
  }, LOOK_EVERY_MS);
  return () => clearInterval(answer);
}

let questions = 0;

/** Inside: what the guest has had so far, in µs. */
export async function guestCpuUs(): Promise<number> {
  const { WORK: work = "" } = process.env;
  const number = questions++;
  writeFileSync(join(work, `ask-${number}`), "");
  const answer = join(work, `cpu-${number}`);
  for (;;) {
    const text = existsSync(answer) ? await readFile(answer, "utf8") : "";
    if (text !== "") return Number(text) * 1e6;
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

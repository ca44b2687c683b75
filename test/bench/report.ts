/** What the benchmarks of the executable have in common: their table, and lines of figures. */

import { join } from "node:path";
import { openPeers } from "../../src/peers/open.ts";
import { type Mariadb, mariadbSettings } from "../real/mariadb.ts";
import { pskOfSite, subnetOfSite } from "./fleet.ts";

/** A row for each site. */
export async function fillTable(mariadb: Mariadb, count: number): Promise<void> {
  const opened = openPeers(mariadbSettings(mariadb));
  if (!opened.ok) throw new Error(opened.error.detail);
  const made = await opened.value.init();
  await opened.value.close();
  if (!made.ok) throw new Error(made.error.detail);
  const rows = Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    return `('site-${number}', '${pskOfSite(number)}', '${subnetOfSite(number)}')`;
  });
  for (let at = 0; at < rows.length; at += 1_000) {
    const values = rows.slice(at, at + 1_000).join(",");
    await mariadb.sql(`insert into vpn.eroutes (peerid, password, remip) values ${values}`);
  }
}

/** The output of a program of this folder, run in a process of its own. */
export async function outputOf(name: string, ...args: readonly string[]): Promise<string> {
  const program = Bun.spawn([process.execPath, join(import.meta.dir, name), ...args], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(program.stdout).text();
  const code = await program.exited;
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return text;
}

export function line(what: string, value: string): void {
  console.log(`${what.padEnd(50)}${value}`);
}

export function us(value: number): string {
  return `${value.toFixed(0)} us`;
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

export function kib(octets: number): string {
  return `${(octets / 1_024).toFixed(1)} KiB`;
}

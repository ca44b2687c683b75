/**
 * What policies cost: CPU time to install, replace and remove them through our netlink, those of a
 * site together, and by `ip -batch`, in the same run, with and without the hash that erouted asks
 * for. Needs root; works in network namespaces of its own.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { hashPolicies } from "../../src/linux/policy-hash.ts";
import { openKernel } from "../../src/linux/xfrm-kernel.ts";
import type { XfrmPolicy } from "../../src/xfrm/policy.ts";
import { UNSET_HASH_LENGTHS } from "../../src/xfrm/policy-hash.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import { endpointOf, prefixOfText } from "../simulation/plan.ts";
import { cpuUs } from "./thread-time.ts";

const SITES = (process.env.SIZES ?? "3,333,6667").split(",").map(Number);
const ROUNDS = 3;
const DIRECTIONS = ["in", "fwd", "out"] as const;
const PRIORITY = 180_000;
/** As by default. */
const HASHED = { local: 0, remote: 24 };

/** µs of CPU for each policy. */
type Costs = Readonly<Record<(typeof COSTS)[number], number>>;
const COSTS = ["install", "replace", "remove", "batchInstall", "batchRemove"] as const;

const [role] = process.argv.slice(2);
if (role === "inside") measureAll();
else if (process.getuid?.() === 0) outside();
else console.log("SKIPPED: policies of the kernel: network namespaces need root");

function outside(): void {
  const args = ["--net", process.execPath, import.meta.path, "inside"];
  execFileSync("unshare", args, { stdio: ["ignore", "inherit", "inherit"] });
}

function measureAll(): void {
  console.log(
    "| µs of CPU for a policy | install | replace | remove | ip -batch: install | remove |",
  );
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const sites of SITES) {
    const policies = policiesOf(sites);
    const rounds = Array.from({ length: ROUNDS }, () =>
      [false, true].map((isHashed) => ({ isHashed, costs: costsOf(policies, isHashed) })),
    ).flat();
    for (const isHashed of [false, true]) {
      const some = rounds.filter((round) => round.isHashed === isHashed);
      const cells = COSTS.map((which) => cell(some.map(({ costs }) => costs[which])));
      const how = isHashed ? "by hash" : "as the kernel does";
      console.log(`| ${policies.length.toLocaleString("en-US")}, ${how} | ${cells.join(" | ")} |`);
    }
  }
  console.log(`\nLoad at the end: ${loadavg()[0]?.toFixed(1)}`);
}

/** The lowest and the highest. */
function cell(values: readonly number[]): string {
  const text = (value: number) => value.toFixed(value < 10 ? 1 : 0);
  return `${text(Math.min(...values))}–${text(Math.max(...values))}`;
}

function costsOf(policies: readonly XfrmPolicy[], isHashed: boolean): Costs {
  const unset = UNSET_HASH_LENGTHS[4];
  const set = isHashed ? hashPolicies(4, HASHED) : hashPolicies(4, unset, [HASHED]);
  if (!set.ok) throw new Error(set.error);
  return { ...byNetlink(policies), ...byBatch(policies) };
}

function byNetlink(policies: readonly XfrmPolicy[]): Pick<Costs, "install" | "replace" | "remove"> {
  const opened = openKernel();
  if (!opened.ok) throw new Error(opened.error.detail);
  const kernel = opened.value;
  const each = (requestFor: (policy: XfrmPolicy) => XfrmRequest): number => {
    const from = cpuUs();
    // Those of a site go together, as when it connects.
    for (let at = 0; at < policies.length; at += DIRECTIONS.length) {
      const requests = policies.slice(at, at + DIRECTIONS.length).map(requestFor);
      if (kernel.performAll(requests).some(({ ok }) => !ok)) throw new Error("the kernel refused");
    }
    return (cpuUs() - from) / policies.length;
  };
  const put = (policy: XfrmPolicy) => ({ op: "put-policy", policy }) as const;
  const install = each(put);
  const replace = each(put);
  const remove = each(({ id }) => ({ op: "delete-policy", id }));
  kernel.close();
  return { install, replace, remove };
}

function byBatch(policies: readonly XfrmPolicy[]): Pick<Costs, "batchInstall" | "batchRemove"> {
  const folder = mkdtempSync(join(tmpdir(), "erouted-kernel-"));
  const lines = policies.map((_, i) => batchSelector(i));
  const template = "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 7 mode tunnel";
  const tail = `priority ${PRIORITY} ${template}`;
  const batch = (name: string, commands: readonly string[]): number => {
    const file = join(folder, name);
    writeFileSync(file, commands.join(""));
    const { exitCode, resourceUsage } = Bun.spawnSync(["ip", "-batch", file]);
    if (exitCode !== 0) throw new Error(`ip -batch ended with ${exitCode}`);
    return Number(resourceUsage?.cpuTime.total ?? 0n) / commands.length;
  };
  const added = lines.map((line) => `xfrm policy add ${line} ${tail}\n`);
  const gone = lines.map((line) => `xfrm policy delete ${line}\n`);
  const costs = { batchInstall: batch("put", added), batchRemove: batch("gone", gone) };
  rmSync(folder, { recursive: true });
  return costs;
}

/** As erouted has them: a subnet of its own for each site, and one behind the concentrator. */
function policiesOf(sites: number): readonly XfrmPolicy[] {
  const near = prefixOfText("10.0.0.0/16");
  return Array.from({ length: sites * DIRECTIONS.length }, (_, i) => {
    const far = prefixOfText(subnetOf(i));
    const direction = directionOf(i);
    const [src, dst] = direction === "out" ? [near, far] : [far, near];
    const [from, to] =
      direction === "out" ? ["192.0.2.1", "192.0.2.2"] : ["192.0.2.2", "192.0.2.1"];
    return {
      id: {
        selector: { src, dst, protocol: 0, srcPort: undefined, dstPort: undefined },
        direction,
        mark: undefined,
        ifId: undefined,
      },
      priority: PRIORITY,
      action: "protect",
      template: {
        src: endpointOf(from, 0).address,
        dst: endpointOf(to, 0).address,
        reqid: 7,
        mode: "tunnel",
      },
    };
  });
}

function batchSelector(i: number): string {
  const direction = directionOf(i);
  const ends = direction === "out" ? ["10.0.0.0/16", subnetOf(i)] : [subnetOf(i), "10.0.0.0/16"];
  return `src ${ends[0]} dst ${ends[1]} dir ${direction}`;
}

function directionOf(i: number): (typeof DIRECTIONS)[number] {
  return DIRECTIONS[i % DIRECTIONS.length] ?? "in";
}

function subnetOf(i: number): string {
  const site = Math.floor(i / DIRECTIONS.length);
  return `100.${64 + (site >> 12)}.${(site >> 4) & 255}.${(site & 15) * 16}/28`;
}

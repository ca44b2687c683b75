/**
 * What many policies cost: how fast they are installed and removed through our netlink and by
 * `ip -batch`, and how many packets a second this kernel forwards beside them. Needs root; works in
 * network namespaces of its own.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openKernel } from "../../src/linux/xfrm-kernel.ts";
import type { XfrmPolicy } from "../../src/xfrm/policy.ts";
import { endpointOf, prefixOfText } from "../simulation/plan.ts";

const SITES = [3, 333, 6_667];
const ROUNDS = 2;
const FORWARD_MS = 2_000;
const DIRECTIONS = ["in", "fwd", "out"] as const;
const PRIORITY = 180_000;

const SENDER = `
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 9))
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    for i in range(500):
        try: s.send(b"x" * 64)
        except OSError: pass
`;

const [role, argument = ""] = process.argv.slice(2);
if (role === "inside") measure(Number(argument));
else if (process.getuid?.() === 0) outside();
else console.log("SKIPPED: policies of the kernel: network namespaces need root");

type Line = { readonly sender: string; readonly router: string };

/** A sender, a router and a sink, one behind the other. */
function outside(): void {
  const name = (end: string) => `kbench-${process.pid}-${end}`;
  const [sender, router, sink] = [name("a"), name("r"), name("b")];
  try {
    for (const namespace of [sender, router, sink]) ip("netns", "add", namespace);
    joinHosts({ namespace: sender, address: "172.30.1.2" }, { namespace: router, at: "eth0" });
    joinHosts({ namespace: sink, address: "172.30.2.2" }, { namespace: router, at: "eth1" });
    ip("netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    console.log("| policies | our netlink: install, remove /s | ip -batch /s | forwarded /s |");
    console.log("| --- | --- | --- | --- |");
    for (const sites of SITES) inside({ sender, router }, sites);
  } finally {
    for (const namespace of [sender, router, sink]) ip("netns", "del", namespace);
  }
}

/** One line of the table: this program, in the router's namespace. */
function inside({ sender, router }: Line, sites: number): void {
  const args = ["netns", "exec", router, process.execPath, import.meta.path, "inside"];
  const env = { ...process.env, SENDER: sender };
  const text = execFileSync("ip", [...args, `${sites}`], { encoding: "utf8", env });
  process.stdout.write(text);
}

function joinHosts(
  { namespace, address }: { readonly namespace: string; readonly address: string },
  router: { readonly namespace: string; readonly at: string },
): void {
  const gateway = address.replace(/2$/, "1");
  ip(
    ...["link", "add", "eth0", "netns", namespace, "type", "veth"],
    ...["peer", "name", router.at, "netns", router.namespace],
  );
  for (const [of, at, own] of [
    [namespace, "eth0", address],
    [router.namespace, router.at, gateway],
  ] as const) {
    ip("-n", of, "addr", "add", `${own}/24`, "dev", at);
    ip("-n", of, "link", "set", at, "up");
  }
  ip("-n", namespace, "route", "add", "default", "via", gateway);
}

function measure(sites: number): void {
  const policies = policiesOf(sites);
  const ours: string[] = [];
  const theirs: string[] = [];
  let forwarded = 0;
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(
      byNetlink(policies, () => {
        forwarded = Math.max(forwarded, forwardedASecond());
      }),
    );
    theirs.push(byBatch(policies));
  }
  const cells = [policies.length, ours.join("; "), theirs.join("; "), forwarded.toFixed(0)];
  console.log(`| ${cells.join(" | ")} |`);
}

/** `install, remove`: how many a second. `between` runs while they are installed. */
function byNetlink(policies: readonly XfrmPolicy[], between: () => void): string {
  const opened = openKernel();
  if (!opened.ok) throw new Error(opened.error.detail);
  const kernel = opened.value;
  const put = rate(policies, (policy) => kernel.perform({ op: "put-policy", policy }).ok);
  between();
  const gone = rate(policies, ({ id }) => kernel.perform({ op: "delete-policy", id }).ok);
  kernel.close();
  return `${put}, ${gone}`;
}

function rate(policies: readonly XfrmPolicy[], perform: (policy: XfrmPolicy) => boolean): string {
  const started = performance.now();
  for (const policy of policies) if (!perform(policy)) throw new Error("the kernel refused");
  return aSecond(policies.length, started);
}

function byBatch(policies: readonly XfrmPolicy[]): string {
  const folder = mkdtempSync(join(tmpdir(), "erouted-kernel-"));
  const lines = policies.map((_, i) => batchSelector(i));
  const put = join(folder, "put");
  const gone = join(folder, "gone");
  const template = "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 7 mode tunnel";
  const tail = `priority ${PRIORITY} ${template}`;
  writeFileSync(put, lines.map((line) => `xfrm policy add ${line} ${tail}\n`).join(""));
  writeFileSync(gone, lines.map((line) => `xfrm policy delete ${line}\n`).join(""));
  const rates = [put, gone].map((file) => {
    const started = performance.now();
    ip("-batch", file);
    return aSecond(policies.length, started);
  });
  rmSync(folder, { recursive: true });
  return rates.join(", ");
}

function aSecond(count: number, started: number): string {
  return ((count * 1_000) / (performance.now() - started)).toFixed(0);
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

/** Small packets that no policy is about, from the sender through this namespace. */
function forwardedASecond(): number {
  const count = () => Number(readFileSync("/sys/class/net/eth1/statistics/tx_packets", "utf8"));
  const [before, started] = [count(), performance.now()];
  const args = ["netns", "exec", process.env.SENDER ?? "", "python3", "-c", SENDER, "172.30.2.2"];
  execFileSync("ip", [...args, `${FORWARD_MS / 1_000}`]);
  return ((count() - before) * 1_000) / (performance.now() - started);
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** Two hosts in network namespaces, joined by a veth pair: the responder's and the generator's. */

import { execFileSync } from "node:child_process";

export type Line = {
  readonly responder: { readonly namespace: string; readonly address: string };
  readonly generator: { readonly namespace: string; readonly address: string };
  dispose(): void;
};

/**
 * Larval XFRM states, of reserved SPIs, stay for longer than a run: with ESP they would become the
 * inbound states of Child SAs.
 */
const ACQUIRE_SECONDS = 3_600;

let laid = 0;

/**
 * Needs root. Nothing of an earlier run is in the kernel's tables of its namespaces, nor are these
 * as large as the earlier run made them. The names hold our process ID, so two benches do not meet.
 */
export function layLine(): Line {
  laid++;
  const name = (end: string) => `ebench-${process.pid}-${laid}-${end}`;
  const responder = { namespace: name("r"), address: "10.77.0.1" };
  const generator = { namespace: name("g"), address: "10.77.0.2" };
  const ends = [responder, generator];
  for (const { namespace } of ends) ip("netns", "add", namespace);
  const [one, other] = ["eth0", "eth0"];
  ip(
    ...["link", "add", one, "netns", responder.namespace, "type", "veth"],
    ...["peer", "name", other, "netns", generator.namespace],
  );
  for (const { namespace, address } of ends) {
    ip("-n", namespace, "addr", "add", `${address}/24`, "dev", "eth0");
    ip("-n", namespace, "link", "set", "eth0", "up");
    ip("-n", namespace, "link", "set", "lo", "up");
  }
  const setting = `net.core.xfrm_acq_expires=${ACQUIRE_SECONDS}`;
  ip("netns", "exec", responder.namespace, "sysctl", "-qw", setting);
  return {
    responder,
    generator,
    dispose: () => {
      for (const { namespace } of ends) ip("netns", "del", namespace);
    },
  };
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
}

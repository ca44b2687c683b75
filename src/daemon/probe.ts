/** Whether this host has what the daemon needs: checks that leave nothing behind. */

import type { Config } from "../config/config.ts";
import { formatAddress } from "../inet/address.ts";
import { formatEndpoint } from "../inet/endpoint.ts";
import { wallMs } from "../linux/clock.ts";
import { espGaps } from "../linux/esp-probe.ts";
import { openIkeSocket } from "../linux/udp-socket.ts";
import { type Kernel, openKernel } from "../linux/xfrm-kernel.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { tlsFault } from "../status/tls.ts";
import { expandListen } from "./sockets.ts";

/**
 * Opens each IKE socket and closes it again: returns those that are available, and why others are
 * not. Those `taken` by the running erouted are left alone.
 */
export async function probePorts(
  config: Config,
  taken: ReadonlySet<string> = new Set(),
): Promise<PortsProbe> {
  const free: string[] = [];
  const awaited = new Set<string>();
  const faults = new Map<string, string[]>();
  for (const address of expandListen(config.ike.listen)) {
    for (const port of [config.ike.port, config.ike.natPort]) {
      if (taken.has(formatEndpoint({ address, port }))) continue;
      const opened = await openIkeSocket({
        address,
        port,
        natTraversal: port === config.ike.natPort,
        kernelPolicies: config.dataplane === "xfrm",
        onDatagram: () => undefined,
      });
      if (opened.ok) {
        free.push(formatEndpoint({ address, port }));
        opened.value.close();
      } else if (opened.error.errno === "EADDRNOTAVAIL") {
        awaited.add(formatAddress(address));
      } else {
        const { local, operation, errno, detail } = opened.error;
        const fault = `${operation}: ${errno}: ${detail}`;
        faults.set(fault, [...(faults.get(fault) ?? []), local]);
      }
    }
  }
  return {
    free,
    awaited: [...awaited],
    faults: [...faults].map(([fault, where]) => `${where.join(", ")}: ${fault}`),
  };
}

/** Opens the port of the status server and closes it again. */
export function probeStatusPort(config: Config): Result<string, string> {
  const { listen } = config.status;
  if (listen === undefined) return ok("off");
  const where = `status.listen ${listen.host}:${listen.port}`;
  const { tls } = config.status;
  const unfit = tls === undefined ? undefined : tlsFault(tls, wallMs());
  if (unfit !== undefined) return err(unfit);
  try {
    const { host: hostname, port } = listen;
    Bun.listen({ hostname, port, socket: { data: () => undefined } }).stop(true);
    return ok(`${where} can be served`);
  } catch (fault) {
    const { code } = fault as { code?: unknown };
    const advice = code === "EADDRINUSE" ? ": another program has it, or erouted already runs" : "";
    return err(`${where}: ${code}${advice}`);
  }
}

export type PortsProbe = {
  /** `192.0.2.1:500`. */
  readonly free: readonly string[];
  /** Addresses that this host does not have: the daemon waits for them. */
  readonly awaited: readonly string[];
  /** Each fault once, after the ports that have it. */
  readonly faults: readonly string[];
};

/** Whether the kernel takes our XFRM requests and has ESP; otherwise everything that it lacks. */
export function probeKernel(config: Config): Result<string, readonly string[]> {
  if (config.dataplane === "none") return ok("not used: dataplane.kind is none");
  const opened = openKernel();
  if (!opened.ok) return err([`${opened.error.detail}; ${opened.error.advice}`]);
  const missing = missingForEsp(opened.value, config);
  opened.value.close();
  return missing.length === 0 ? ok("XFRM with ESP") : err(missing);
}

/** What the kernel lacks for ESP in the families of the listening addresses, and what to do. */
export function missingForEsp(kernel: Kernel, config: Config): readonly string[] {
  const families = new Set(config.ike.listen.map((address) => address.family));
  return espGaps(kernel, [...families]).map((gap) => `${gap.detail}; ${gap.advice}`);
}

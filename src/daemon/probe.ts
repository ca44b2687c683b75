/** Whether this host has what the daemon needs: a look that leaves nothing behind. */

import type { Config } from "../config/config.ts";
import { openKernel, probeEsp } from "../linux/xfrm-kernel.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { openIkeSockets } from "./sockets.ts";

/** Opens the IKE sockets and closes them again; fails if a port is taken, by us or another. */
export async function probePorts(config: Config): Promise<Result<string, string>> {
  const kernelPolicies = config.dataplane === "xfrm";
  const opened = await openIkeSockets({ ...config.ike, kernelPolicies }, () => undefined);
  if (!opened.ok) return opened;
  opened.value.close();
  return ok(`${opened.value.listening.join(", ")} can be bound`);
}

/** Whether the kernel takes XFRM requests from us, and has ESP. */
export function probeKernel(config: Config): Result<string, string> {
  if (config.dataplane === "none") return ok("not used: dataplane.kind is none");
  const opened = openKernel();
  if (!opened.ok) return err(opened.error.detail);
  const probed = probeEsp(opened.value);
  opened.value.close();
  return probed.ok ? ok("XFRM with ESP") : err(probed.error.detail);
}

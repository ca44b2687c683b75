/** Which of the kernel's answers call for different advice. */

import type { KernelReason } from "../../ike/refusal.ts";
import type { XfrmRefusal } from "../../xfrm/request.ts";

/** The journal's word for a refusal of the kernel. */
export function kernelReason({ errno }: Pick<XfrmRefusal, "errno">): KernelReason {
  // What is ours is known, and never asked for twice: somebody else has made it.
  if (errno === "EEXIST") return "kernel-conflict";
  return OUT_OF_MEMORY.includes(errno) ? "kernel-out-of-memory" : "kernel-refused";
}

const OUT_OF_MEMORY: readonly string[] = ["ENOMEM", "ENOBUFS", "ENOSPC"];

/** Which of the kernel's answers call for different advice. */

import type { KernelReason } from "../../ike/refusal.ts";
import type { XfrmRefusal } from "../../xfrm/request.ts";

/** The journal's word for a refusal of the kernel. */
export function kernelReason({ errno }: Pick<XfrmRefusal, "errno">): KernelReason {
  // Our own objects are known and never requested twice: another program has created it.
  if (errno === "EEXIST") return "kernel-conflict";
  return OUT_OF_MEMORY.includes(errno) ? "kernel-out-of-memory" : "kernel-refused";
}

const OUT_OF_MEMORY: readonly string[] = ["ENOMEM", "ENOBUFS", "ENOSPC"];

/** The kernel contract without ESP, for a network namespace of its own: see `kernel.test.ts`. */

import { kernelContract } from "./kernel.ts";
import { linuxKernelContract, realKernel } from "./linux-kernel.ts";
import { linuxPolicyHashContract } from "./linux-policy-hash.ts";
import { linuxRoutesContract } from "./linux-routes.ts";

const ABILITIES = { esp: false };

kernelContract("Linux", async () => realKernel(), ABILITIES);
linuxKernelContract(ABILITIES);
linuxRoutesContract();
linuxPolicyHashContract();

/** The kernel contract on a kernel with ESP. */

import { expect, test } from "bun:test";
import { espGaps } from "../../../src/linux/esp-probe.ts";
import { kernelContract } from "../../contract/kernel.ts";
import { linuxKernelContract, realKernel } from "../../contract/linux-kernel.ts";
import { linuxPolicyHashContract } from "../../contract/linux-policy-hash.ts";
import { linuxRoutesContract } from "../../contract/linux-routes.ts";

const ABILITIES = { esp: true };

test("nothing is missing for ESP over IPv4 and IPv6", () => {
  const kernel = realKernel();
  expect(espGaps(kernel)).toEqual([]);
  kernel.close();
});

kernelContract("Linux", async () => realKernel(), ABILITIES);
linuxKernelContract(ABILITIES);
linuxRoutesContract();
linuxPolicyHashContract();

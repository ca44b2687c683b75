/** Opens all four kinds of IKE socket and shows the policies, in a namespace of its own. */

import { parseAddress } from "../../../src/inet/address.ts";
import { openIkeSocket } from "../../../src/linux/udp-socket.ts";

Bun.spawnSync(["ip", "link", "set", "lo", "up"]);
for (const host of ["127.0.0.1", "::1"]) {
  for (const natTraversal of [false, true]) {
    const address = parseAddress(host);
    if (address === undefined) throw new Error(`not an address: ${host}`);
    const port = natTraversal ? 4500 : 500;
    const options = { address, port, natTraversal, kernelPolicies: true, onDatagram: () => {} };
    const socket = await openIkeSocket(options);
    if (!socket.ok) throw new Error(Bun.inspect(socket.error));
  }
}
console.log(Bun.spawnSync(["ip", "xfrm", "policy"]).stdout.toString());
process.exit(0);

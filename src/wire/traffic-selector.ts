/** Which traffic a Child SA carries, in the terms of IKE (RFC 7296 §3.13.1). */

import type { AddressRange } from "../inet/address.ts";

/** One traffic selector (§3.13.1). OPAQUE ports are start 65535, end 0. */
export type TrafficSelector = {
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
  readonly range: AddressRange;
};

/** Whether a selector covers every port. */
export function isAnyPort(ports: Pick<TrafficSelector, "startPort" | "endPort">): boolean {
  return ports.startPort === 0 && ports.endPort === 65535;
}

/** Addresses that never leave this machine. */

import { parseAddress } from "./address.ts";
import { containsAddress, type Prefix } from "./prefix.ts";

/** 127.0.0.0/8 and ::1. */
export const LOOPBACK: readonly Prefix[] = [
  { family: 4, value: 0x7f00_0000n, length: 8 },
  { family: 6, value: 1n, length: 128 },
];

/** Whether only this machine can reach a host: by address, or the name localhost. */
export function isLoopback(host: string): boolean {
  const address = parseAddress(host);
  if (address === undefined) return host.toLowerCase() === "localhost";
  return LOOPBACK.some((prefix) => containsAddress(prefix, address));
}

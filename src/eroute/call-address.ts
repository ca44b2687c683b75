/** Where a site can be called: `peerip` and `bakpeerip`, an address or a host name (R12). */

import { parseAddress } from "../inet/address.ts";
import { err, ok, type Result } from "../octets/result.ts";
import type { CallAddress } from "./eroute.ts";

const HOST_LENGTH_MAX = 253;

/**
 * Letters, digits and hyphens, not beginning or ending with a hyphen; at most 63 (RFC 1123 §2.1).
 */
const LABEL = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;

/** An address or a host name (RFC 1123); or what is wrong, in words that follow the text. */
export function parseCallAddress(text: string): Result<CallAddress, string> {
  const address = parseAddress(text);
  if (address !== undefined) {
    if (address.value === 0n) return err("stands for no address at all");
    return ok({ host: text, address });
  }
  if (!isHostName(text)) return err("is neither an IP address nor a host name");
  return ok({ host: text, address: undefined });
}

function isHostName(text: string): boolean {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  const labels = name.split(".");
  if (name.length > HOST_LENGTH_MAX || !labels.every((label) => LABEL.test(label))) return false;
  // The last label is never a number: 192.0.2.300 is a mistyped address.
  return !/^[0-9]+$/.test(labels.at(-1) ?? "");
}

/**
 * Where a site can be called: resolves an address or a host name to addresses, each with the local
 * address that its route leaves from.
 */

import type { ResolveResult } from "../concentrator/event.ts";
import { type Address, equalAddress, parseAddress } from "../inet/address.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { createDns, type DnsSettings } from "./dns.ts";

export type Resolver = {
  /** Settles within some seconds; never rejects. A failure is described in words. */
  resolve(host: string): Promise<ResolveResult>;
};

export type ResolverSettings = DnsSettings & {
  /**
   * The local address that packets leave from, according to the kernel's routes; or why there is
   * none.
   */
  sourceFor(to: Address): Result<Address, string>;
  /** The addresses that are listened on now: calls leave from these. */
  listening(): readonly Address[];
};

export function createResolver(settings: ResolverSettings): Resolver {
  const dns = createDns(settings);
  return {
    async resolve(host) {
      const families = new Set(settings.listening().map(({ family }) => family));
      if (families.size === 0) return err("no address to call from: none is listened on yet");
      const address = parseAddress(host);
      const found = address === undefined ? await dns.lookUp(host, [...families]) : ok([address]);
      return found.ok ? ways(found.value, settings) : found;
    },
  };
}

/** Each address with the local one; those that cannot be called are left out, unless all are. */
function ways(remotes: readonly Address[], settings: ResolverSettings): ResolveResult {
  const found: { readonly local: Address; readonly remote: Address }[] = [];
  const faults: string[] = [];
  for (const remote of remotes) {
    const local = localFor(remote, settings);
    if (local.ok) found.push({ local: local.value, remote });
    else faults.push(local.error);
  }
  return found.length > 0 ? ok(found) : err([...new Set(faults)].join("; "));
}

/** The route's own source, or, if only other addresses are listened on, the first of those. */
function localFor(remote: Address, settings: ResolverSettings): Result<Address, string> {
  const source = settings.sourceFor(remote);
  if (!source.ok) return source;
  const listening = settings.listening().filter(({ family }) => family === remote.family);
  const local = listening.find((address) => equalAddress(address, source.value)) ?? listening[0];
  return local === undefined ? err(`IPv${remote.family} is not listened on`) : ok(local);
}

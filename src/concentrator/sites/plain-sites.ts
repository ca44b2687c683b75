/** Codecs of what sites have in common, and of what is to be done for one, and remembered of it. */

import type { Method } from "../../ike/method.ts";
import { gateway, instant, method, prefix } from "../../ike/state/values.ts";
import type { Prefix } from "../../inet/prefix.ts";
import { putAt, takeFrom, valuesAt } from "../../inet/prefix-table.ts";
import { type Codec, list, mapped, octets, optional, record, text } from "../../octets/codec.ts";
import type { Instant } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { Engine } from "../engine.ts";
import { sendStrangersTo } from "../negotiation/send-on.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { recheckRow } from "./row-change.ts";

/** What does not belong to one site. */
export type PlainSites = {
  /** The prints of rows are made with it: a secret. */
  readonly printKey: Uint8Array;
  readonly redirectTo: Gateway | undefined;
  readonly redirectAt: Instant | undefined;
  readonly localAddresses: readonly string[] | undefined;
  readonly goneAddresses: readonly GoneAddress[];
};

type GoneAddress = { readonly address: string; readonly until: Instant };

type Worked = { readonly method: Method; readonly until: Instant };

/** What is to be done for a site, and remembered of it. */
export type PlainDuties = {
  /** Its row is to be read again. */
  readonly isRowWaiting: boolean;
  /** It is still to be told to go to another gateway. */
  readonly isRedirectWaiting: boolean;
  /** With which key exchange it got new keys. */
  readonly worked: Worked | undefined;
};

/** A subnet with several eroutes in use, by their keys: a packet goes to the first. */
export type PlainReach = { readonly subnet: Prefix; readonly keys: readonly string[] };

const PRINT_KEY_OCTETS = 32;
const ADDRESSES_MAX = 65_535;
const address = text(255);

export const plainSites: Codec<PlainSites> = record<PlainSites>({
  printKey: mapped(octets(PRINT_KEY_OCTETS), {
    to: (key: Uint8Array) => key,
    from: (key, fail) => (key.length === PRINT_KEY_OCTETS ? key : fail("a key of another length")),
  }),
  redirectTo: optional(gateway),
  redirectAt: optional(instant),
  localAddresses: optional(list(address, ADDRESSES_MAX)),
  goneAddresses: list(record<GoneAddress>({ address, until: instant }), ADDRESSES_MAX),
});

export const worked: Codec<Worked | undefined> = optional(
  record<Worked>({ method, until: instant }),
);

export const plainReach: Codec<PlainReach> = record<PlainReach>({
  subnet: prefix,
  keys: list(text(65_535), 10_000_000),
});

export function sitesOf({ sites }: Engine): PlainSites {
  const { rowChecks, redirects, localAddresses, goneAddresses } = sites;
  return {
    printKey: rowChecks.printKey,
    redirectTo: redirects.to,
    redirectAt: redirects.at,
    localAddresses: localAddresses === undefined ? undefined : [...localAddresses],
    goneAddresses: [...goneAddresses].map(([address, until]) => ({ address, until })),
  };
}

export function putSites(engine: Engine, plain: PlainSites): void {
  const { rowChecks, redirects, goneAddresses } = engine.sites;
  rowChecks.printKey.set(plain.printKey);
  wipe(plain.printKey);
  redirects.to = plain.redirectTo;
  redirects.at = plain.redirectAt;
  sendStrangersTo(engine, plain.redirectTo);
  const { localAddresses } = plain;
  engine.sites.localAddresses = localAddresses === undefined ? undefined : new Set(localAddresses);
  for (const { address, until } of plain.goneAddresses) goneAddresses.set(address, until);
}

/** Tells of an eroute in use, by its key, what is to be done for its site. */
export function dutiesOf(engine: Engine): (key: string) => PlainDuties {
  const redirects = new Set(engine.sites.redirects.waiting);
  const rows = new Set<string>();
  for (const { waiting } of engine.sites.rowChecks.egroups.values()) {
    for (const key of waiting) rows.add(key);
  }
  // A row that is being read is read once more: its answer is for the process before.
  for (const [, { key }] of engine.requests.of("row-check")) rows.add(key);
  return (key) => ({
    isRowWaiting: rows.has(key),
    isRedirectWaiting: redirects.has(key),
    worked: engine.sites.worked.get(key),
  });
}

/** In the order of the sites: the next one to be redirected comes to stand last. */
export function putDuties(engine: Engine, eroute: ErouteInUse, duties: PlainDuties): void {
  if (duties.isRowWaiting) recheckRow(engine, eroute);
  if (duties.isRedirectWaiting) engine.sites.redirects.waiting.push(eroute.key);
  if (duties.worked !== undefined) engine.sites.worked.set(eroute.key, duties.worked);
}

/** All sites have been put. */
export function endDuties({ sites }: Engine): void {
  sites.redirects.waiting.reverse();
}

/** Subnets that an eroute in use shares with others, told by the first of them. */
export function sharedReachOf({ sites }: Engine, eroute: ErouteInUse): readonly PlainReach[] {
  return eroute.remoteSubnets.flatMap((subnet) => {
    const keys = valuesAt(sites.reach, subnet);
    return keys.length > 1 && keys[0] === eroute.key ? [{ subnet, keys }] : [];
  });
}

/** Brings the eroutes in use of a subnet into the order in which they were. */
export function putReach({ sites }: Engine, { subnet, keys }: PlainReach): void {
  const present = new Set(valuesAt(sites.reach, subnet));
  for (const key of keys) {
    if (!present.has(key)) continue;
    takeFrom(sites.reach, subnet, key);
    putAt(sites.reach, subnet, key);
  }
}

/** Codecs of what sites share, and of each site's pending tasks. */

import { espSpi, gateway, instant, method, prefix } from "../../ike/state/values.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Prefix } from "../../inet/prefix.ts";
import { putAt, takeFrom, valuesAt } from "../../inet/prefix-table.ts";
import {
  type Codec,
  list,
  mapped,
  octets,
  oneOf,
  optional,
  record,
  text,
} from "../../octets/codec.ts";
import type { Instant } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { Engine } from "../engine.ts";
import { sendStrangersTo } from "../negotiation/send-on.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { walkAgain } from "./redirect.ts";
import { recheckRow } from "./row-change.ts";
import type { Worked } from "./sites.ts";
import { untoldOf } from "./untold.ts";

/** What does not belong to a single site. */
export type PlainSites = {
  /** The secret key of the hashes by which rows are compared. */
  readonly printKey: Uint8Array;
  readonly redirectTo: Gateway | undefined;
  readonly redirectAt: Instant | undefined;
  readonly localAddresses: readonly string[] | undefined;
  readonly goneAddresses: readonly GoneAddress[];
};

type GoneAddress = { readonly address: string; readonly until: Instant };

/** A site's pending tasks, and the key exchange that it last accepted. */
export type PlainDuties = {
  /** Its row has to be read again. */
  readonly isRowWaiting: boolean;
  /** False: the head says whether sites are redirected. The format has a place for it. */
  readonly isRedirectWaiting: boolean;
  /** The key exchange method that the site accepted for new keys. */
  readonly worked: Worked | undefined;
  /** Inbound SPIs of Child SAs that are gone; undefined: it has been told of all. */
  readonly untold: readonly EspSpi[] | undefined;
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
  record<Worked>({ method, major: oneOf([1, 2]), until: instant }),
);

export const untold: Codec<readonly EspSpi[] | undefined> = optional(list(espSpi, 255));

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

/** Returns a function that gives the pending tasks for the key of an eroute in use. */
export function dutiesOf(engine: Engine): (key: string) => PlainDuties {
  const rows = new Set<string>();
  for (const { waiting } of engine.sites.rowChecks.egroups.values()) {
    for (const key of waiting) rows.add(key);
  }
  // A row that is being read is read once more: the answer will go to the previous process.
  for (const [, { key }] of engine.requests.of("row-check")) rows.add(key);
  return (key) => ({
    isRowWaiting: rows.has(key),
    isRedirectWaiting: false,
    worked: engine.sites.worked.get(key),
    untold: untoldOf(engine, key),
  });
}

export function putDuties(engine: Engine, eroute: ErouteInUse, duties: PlainDuties): void {
  if (duties.isRowWaiting) recheckRow(engine, eroute);
  if (duties.worked !== undefined) engine.sites.worked.set(eroute.key, duties.worked);
  if (duties.untold !== undefined) engine.sites.untold.set(eroute.key, duties.untold);
}

/** To be called once all sites are in the tables. */
export function endDuties(engine: Engine): void {
  if (engine.sites.redirects.at !== undefined) walkAgain(engine);
}

/** Subnets that an eroute in use shares with others; empty unless it is the first of them. */
export function sharedReachOf({ sites }: Engine, eroute: ErouteInUse): readonly PlainReach[] {
  return eroute.remoteSubnets.flatMap((subnet) => {
    const keys = valuesAt(sites.reach, subnet);
    return keys.length > 1 && keys[0] === eroute.key ? [{ subnet, keys }] : [];
  });
}

/** Restores the order of the eroutes in use that share a subnet. */
export function putReach({ sites }: Engine, { subnet, keys }: PlainReach): void {
  const present = new Set(valuesAt(sites.reach, subnet));
  for (const key of keys) {
    if (!present.has(key)) continue;
    takeFrom(sites.reach, subnet, key);
    putAt(sites.reach, subnet, key);
  }
}

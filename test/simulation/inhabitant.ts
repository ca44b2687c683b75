/** A site of a simulated world, and what it decides to do. */

import { asPeerId } from "../../src/eroute/peer-id.ts";
import { formatAddress } from "../../src/inet/address.ts";
import type { Endpoint, Path } from "../../src/inet/endpoint.ts";
import { asInstant, type Instant } from "../../src/octets/instant.ts";
import { identityText, parseIdentity } from "../../src/wire/identity.ts";
import type { Character, Climate } from "./climate.ts";
import { rowOf } from "./database.ts";
import {
  askIkev1,
  connectIkev1,
  createIkev1Site,
  currentIkev1,
  forgetIkev1,
  ikev1Deadline,
  receiveIkev1,
  reconnectIkev1,
  tickIkev1,
} from "./ikev1-site.ts";
import type { Ikev1Ask, Ikev1Settings, Ikev1Site } from "./ikev1-site-state.ts";
import {
  ask,
  connect,
  createSite,
  currentSession,
  forgetAll,
  receive,
  siteDeadline,
  tick,
} from "./initiator.ts";
import {
  CBC_ESP,
  CBC_IKE,
  CONCENTRATOR,
  endpointOf,
  GCM_ESP,
  GCM_IKE,
  selectorOf,
} from "./plan.ts";
import type { Prng } from "./prng.ts";
import type { Ask, Site, SiteOutput, SiteSettings } from "./site-state.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";
import { toyKey } from "./toy-signature.ts";

export type Inhabitant = {
  readonly number: number;
  readonly character: Character;
  readonly site: Site;
  /** The same site as long as it speaks IKEv1; undefined: it never does. */
  readonly ikev1: Ikev1Site | undefined;
  speaks: 1 | 2;
  readonly prng: Prng;
  /** Where the concentrator sees each of the site's ports. */
  readonly seenAs: Map<number, Endpoint>;
  /** Whether it draws its SPIs from {@link FEW_SPIS}. */
  drawsFew: boolean;
  /** A tick is planned for this instant. */
  tickAt: number;
};

const PUBLIC_NAT = "203.0.113.7";

/** Sites behind a NAT draw inbound SPIs from only so many, so that they collide. */
const FEW_SPIS = 6;

/** A site of this character, not connected. */
export function createInhabitant(
  number: number,
  character: Character,
  climate: Climate,
  prng: Prng,
): Inhabitant {
  const isNatted = climate.isNatted && character !== "noise";
  const random = (count: number): Uint8Array => {
    const octets = prng.octets(count);
    if (count === 4 && inhabitant.drawsFew && prng.chance(0.5)) {
      octets.set([0xc0, 0, 0, (octets[3] ?? 0) % FEW_SPIS]);
    }
    return octets;
  };
  const site = createSite(settingsFor(number, character, climate, prng), {
    random,
    keyExchange: toyKeyExchange,
  });
  const seenAs = new Map<number, Endpoint>();
  const settings = ikev1SettingsFor(site.settings, { number, character, climate, prng });
  const old = prng.fork("ikev1 site");
  const ikev1 = settings === undefined ? undefined : createIkev1Site(settings, old);
  const speaks = ikev1 !== undefined && old.chance(0.8) ? 1 : 2;
  const inhabitant: Inhabitant = {
    ...{ number, character, site, ikev1, speaks, prng, seenAs },
    drawsFew: isNatted,
    tickAt: 0,
  };
  rebind(inhabitant, isNatted);
  return inhabitant;
}

/** The row that the site's table should hold; undefined for those that have none. */
export function rowFor({ number, character, ikev1, site }: Inhabitant) {
  if (character === "no-row" || character === "unknown-id" || character === "lab") {
    return undefined;
  }
  const row = rowOf(asPeerId(`site-${number}`), `secret ${number}`, `192.168.${number}.0`);
  // In Main Mode the address says whose key it is.
  if (ikev1?.settings.mode !== "Main Mode") return row;
  return { ...row, peerip: formatAddress(site.settings.path.local.address) };
}

/** A NAT maps each port of the site to another one outside; without a NAT nothing changes. */
export function rebind(inhabitant: Inhabitant, isNatted: boolean): void {
  const { site, seenAs, prng, number } = inhabitant;
  const { address } = site.settings.path.local;
  for (const port of [500, 4_500]) {
    const outside = endpointOf(PUBLIC_NAT, 10_000 + number * 1_000 + prng.below(1_000));
    seenAs.set(port, isNatted ? outside : { address, port });
  }
}

/** Does what the site does next. */
export function act(inhabitant: Inhabitant, now: number): readonly SiteOutput[] {
  const { site, prng, character, ikev1 } = inhabitant;
  const at = asInstant(now);
  if (ikev1 !== undefined && inhabitant.speaks === 1) return actIkev1(inhabitant, ikev1, at);
  const session = currentSession(site);
  if (session === undefined) {
    if (site.negotiation !== undefined && prng.chance(0.9)) return [];
    changeSettings(inhabitant);
    return connect(site, at);
  }
  if (character === "half-open" || prng.chance(0.04)) {
    // Power fails; it may come back at once.
    forgetAll(site);
    changeSettings(inhabitant);
    return prng.chance(0.5) ? connect(site, at) : [];
  }
  return ask(site, drawAsk(inhabitant, session.children), at);
}

/** Leaves the world in order: a fresh IKE SA that replaces whatever was left behind. */
export function connectForGood(inhabitant: Inhabitant, now: number): readonly SiteOutput[] {
  const { site, ikev1 } = inhabitant;
  inhabitant.drawsFew = false;
  if (ikev1 !== undefined && inhabitant.speaks === 1) {
    ikev1.settings = { ...ikev1.settings, initialContact: true, drawSpi: () => undefined };
    return connectIkev1(ikev1, asInstant(now));
  }
  site.settings = { ...site.settings, initialContact: true };
  return connect(site, asInstant(now));
}

/** Deletes all that it has. */
export function leave({ site, ikev1, speaks }: Inhabitant, now: number): readonly SiteOutput[] {
  const at = asInstant(now);
  if (ikev1 !== undefined && speaks === 1) return askIkev1(ikev1, { kind: "leave" }, at);
  return ask(site, { kind: "delete-ike" }, at);
}

/** How many Child SAs it has; undefined: it is not connected. */
export function childCountOf({ site, ikev1, speaks }: Inhabitant): number | undefined {
  if (ikev1 === undefined || speaks === 2) return currentSession(site)?.children.length;
  return currentIkev1(ikev1) === undefined ? undefined : ikev1.children.length;
}

/** A datagram has arrived at it. */
export function hear(
  { site, ikev1, speaks }: Inhabitant,
  octets: Uint8Array,
  now: number,
): readonly SiteOutput[] {
  const at = asInstant(now);
  if (ikev1 !== undefined && speaks === 1) return receiveIkev1(ikev1, octets, at);
  return receive(site, octets, at);
}

/** Time has passed. */
export function tickOf({ site, ikev1, speaks }: Inhabitant, now: number): readonly SiteOutput[] {
  const at = asInstant(now);
  return ikev1 !== undefined && speaks === 1 ? tickIkev1(ikev1, at) : tick(site, at);
}

/** When to call {@link tickOf} next. */
export function deadlineOf({ site, ikev1, speaks }: Inhabitant): number | undefined {
  return ikev1 !== undefined && speaks === 1 ? ikev1Deadline(ikev1) : siteDeadline(site);
}

/** Stops in the middle of a negotiation. */
export function breakOff({ site, ikev1 }: Inhabitant): void {
  site.negotiation = undefined;
  if (ikev1 !== undefined) ikev1.negotiation = undefined;
}

function actIkev1(inhabitant: Inhabitant, ikev1: Ikev1Site, at: Instant): readonly SiteOutput[] {
  const { site, prng, character } = inhabitant;
  if (currentIkev1(ikev1) === undefined) {
    if (ikev1.negotiation !== undefined && prng.chance(0.9)) return [];
    changeIkev1(ikev1);
    const goesOn = ikev1.children.length > 0 && prng.chance(0.7);
    return goesOn ? reconnectIkev1(ikev1, at) : connectIkev1(ikev1, at);
  }
  if (character === "half-open" || prng.chance(0.04)) {
    // Power fails; it may come back with other software.
    forgetIkev1(ikev1);
    changeIkev1(ikev1);
    if (prng.chance(0.2)) {
      inhabitant.speaks = 2;
      return connect(site, at);
    }
    return prng.chance(0.5) ? connectIkev1(ikev1, at) : [];
  }
  return askIkev1(ikev1, drawIkev1Ask(ikev1), at);
}

function drawIkev1Ask({ prng, children }: Ikev1Site): Ikev1Ask {
  const spiIn = children.length === 0 ? 0 : (children[prng.below(children.length)]?.spiIn ?? 0);
  const pfs = prng.chance(0.3);
  return prng.pick<Ikev1Ask>([
    { kind: "rekey-child", spiIn, pfs },
    { kind: "rekey-child", spiIn, pfs },
    { kind: "rekey-child", spiIn, pfs },
    { kind: "new-child", pfs },
    { kind: "delete-child", spiIn },
    { kind: "rekey-ike" },
    { kind: "rekey-ike" },
    { kind: "delete-ike" },
    { kind: "leave" },
    { kind: "liveness" },
  ]);
}

function changeIkev1(ikev1: Ikev1Site): void {
  const { prng } = ikev1;
  ikev1.settings = {
    ...ikev1.settings,
    initialContact: prng.chance(0.3),
    deletesReplaced: prng.chance(0.8),
    checksProof: prng.chance(0.7),
  };
}

function drawAsk({ prng, site }: Inhabitant, children: readonly { readonly spiIn: number }[]): Ask {
  const spiIn = children.length === 0 ? 0 : (children[prng.below(children.length)]?.spiIn ?? 0);
  const ke = prng.chance(0.3) ? 31 : undefined;
  const [method] = site.settings.ke;
  return prng.pick<Ask>([
    { kind: "rekey-child", spiIn, ke },
    { kind: "rekey-child", spiIn, ke },
    { kind: "rekey-child", spiIn, ke },
    { kind: "new-child", ke },
    { kind: "delete-child", spiIn },
    { kind: "rekey-ike", ke: prng.chance(0.2) ? 19 : method },
    { kind: "rekey-ike" },
    { kind: "delete-ike" },
    { kind: "liveness" },
    { kind: "say", exchangeType: prng.pick([36, 37, 37, 35]), payloads: [] },
  ]);
}

function changeSettings({ site, prng }: Inhabitant): void {
  site.settings = {
    ...site.settings,
    initialContact: prng.chance(0.3),
    deletesReplaced: prng.chance(0.8),
    ke: prng.chance(0.2) ? [14, 19, 31] : prng.chance(0.5) ? [31] : [19, 31],
  };
}

function settingsFor(
  number: number,
  character: Character,
  climate: Climate,
  prng: Prng,
): SiteSettings {
  const isNatted = climate.isNatted && character !== "noise";
  const id = character === "lab" ? "lab-gw" : character === "unknown-id" ? "who" : "site";
  const secret = character === "lab" ? "lab secret" : `secret ${number}`;
  const text = id === "site" ? `site-${number}` : id;
  const address = isNatted ? `172.16.0.${number}` : `192.0.2.${number}`;
  const own = character === "lab" ? "172.20.0.0/24" : `192.168.${number}.0/24`;
  const path: Path = { local: endpointOf(address, 500), remote: endpointOf(CONCENTRATOR, 500) };
  const takesCertificates = climate.plan.eroutes.some(({ auth }) => auth.peer.kind !== "psk");
  const hasCertificate = takesCertificates && prng.fork("certificate").chance(0.5);
  return {
    ...(hasCertificate
      ? { key: toyKey(text, character === "wrong-key" ? "nobody" : undefined) }
      : {}),
    ...(prng.fork("redirect").chance(0.5) ? { redirect: "supported" as const } : {}),
    identity: parseIdentity(text),
    psk: new TextEncoder().encode(character === "wrong-key" ? "wrong" : secret),
    path,
    natPort: 4_500,
    ike: prng.chance(0.7) ? GCM_IKE : CBC_IKE,
    esp: prng.chance(0.7) ? GCM_ESP : CBC_ESP,
    ke: [31],
    tsI: [selectorOf(character === "wide" ? "0.0.0.0/0" : own)],
    tsR: [selectorOf(character === "wide" ? "0.0.0.0/0" : "10.0.0.0/16")],
    initialContact: false,
    deletesReplaced: true,
  };
}

/** In worlds where IKEv1 is allowed, for sites that can do without narrowing. */
function ikev1SettingsFor(
  { path, identity, psk }: SiteSettings,
  of: Pick<Inhabitant, "number" | "character" | "prng"> & { readonly climate: Climate },
): Ikev1Settings | undefined {
  const { number, character, prng, climate } = of;
  const draws = prng.fork("ikev1");
  const isFit = character !== "noise" && character !== "wide";
  if (!climate.ikev1 || !isFit || !draws.chance(0.6)) return undefined;
  const isNatted = climate.isNatted;
  const hasRow = character === "good" || character === "wrong-key" || character === "half-open";
  const isMain = !isNatted && hasRow && draws.chance(0.3);
  return {
    ...{ id: identityText(identity), psk: new TextDecoder().decode(psk), path, isNatted },
    mode: isMain ? "Main Mode" : "Aggressive Mode",
    own: character === "lab" ? "172.20.0.0/24" : `192.168.${number}.0/24`,
    ...{ remote: "10.0.0.0/16", initialContact: false, deletesReplaced: true, checksProof: true },
    drawSpi: () =>
      isNatted && draws.chance(0.5) ? 0xc000_0000 + draws.below(FEW_SPIS) : undefined,
  };
}

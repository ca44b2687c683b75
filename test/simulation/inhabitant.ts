/** A site of a simulated world, and what it decides to do. */

import { asPeerId } from "../../src/eroute/peer-id.ts";
import type { Endpoint, Path } from "../../src/inet/endpoint.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import type { Character, Climate } from "./climate.ts";
import { rowOf } from "./database.ts";
import { ask, connect, createSite, currentSession, forgetAll } from "./initiator.ts";
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
  const inhabitant: Inhabitant = {
    ...{ number, character, site, prng, seenAs },
    drawsFew: isNatted,
    tickAt: 0,
  };
  rebind(inhabitant, isNatted);
  return inhabitant;
}

/** The row that the site's table should hold; undefined for those that have none. */
export function rowFor({ number, character }: Pick<Inhabitant, "number" | "character">) {
  if (character === "no-row" || character === "unknown-id" || character === "lab") {
    return undefined;
  }
  return rowOf(asPeerId(`site-${number}`), `secret ${number}`, `192.168.${number}.0`);
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
  const { site, prng, character } = inhabitant;
  const at = asInstant(now);
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
  const { site } = inhabitant;
  inhabitant.drawsFew = false;
  site.settings = { ...site.settings, initialContact: true };
  return connect(site, asInstant(now));
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

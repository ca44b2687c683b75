/** The sites of the benchmark, by number: what the swarm presents and what the table holds. */

import { performKeyExchange } from "../../src/crypto/key-exchange.ts";
import type { Endpoint } from "../../src/inet/endpoint.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import type { Ikev1Settings } from "../simulation/ikev1-site-state.ts";
import { GCM_ESP, GCM_IKE, selectorOf } from "../simulation/plan.ts";
import type { SiteSettings } from "../simulation/site-state.ts";

/** All sites' subnets together: /24 each, 100,000 and more of them. */
export const FLEET_SUBNET = "100.0.0.0/6";
export const LOCAL_SUBNET = "10.0.0.0/16";

export function pskOfSite(number: number): string {
  return `secret ${number}`;
}

/** Network address of a site's /24. */
export function subnetOfSite(number: number): string {
  const high = 64 + (number >> 8);
  return `${100 + (high >> 8)}.${high & 255}.${number & 255}.0`;
}

/** The same with IKEv1, in Aggressive Mode. */
export function ikev1SettingsOfSite(
  number: number,
  group: number,
  path: Ikev1Settings["path"],
): Ikev1Settings {
  return {
    ...{ id: `site-${number}`, psk: pskOfSite(number), path, isNatted: false },
    ...{ mode: "Aggressive Mode", own: `${subnetOfSite(number)}/24`, remote: LOCAL_SUBNET },
    ...{ initialContact: true, deletesReplaced: true, checksProof: true },
    real: { group, keyExchange: performKeyExchange },
    drawSpi: () => undefined,
  };
}

/** What a site needs in order to call, and both addresses. */
export function settingsOfSite(
  number: number,
  ke: number,
  path: { readonly local: Endpoint; readonly remote: Endpoint },
): SiteSettings {
  return {
    identity: parseIdentity(`site-${number}`),
    psk: new TextEncoder().encode(pskOfSite(number)),
    path,
    natPort: path.remote.port,
    ike: GCM_IKE,
    esp: GCM_ESP,
    ke: [ke],
    tsI: [selectorOf(`${subnetOfSite(number)}/24`)],
    tsR: [selectorOf(LOCAL_SUBNET)],
    initialContact: true,
    deletesReplaced: true,
  };
}

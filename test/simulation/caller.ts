/**
 * A site at the table: connects, sends requests, and passes messages back and forth until nothing
 * is left.
 */

import {
  isSlowKeyExchange,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  performKeyExchange,
} from "../../src/crypto/key-exchange.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import { equalEndpoint } from "../../src/inet/endpoint.ts";
import { assert } from "../../src/octets/assert.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { ask, connect, createSite, currentSession, receive, tick } from "./initiator.ts";
import { CONCENTRATOR, endpointOf, GCM_ESP, GCM_IKE, selectorOf } from "./plan.ts";
import { createPrng } from "./prng.ts";
import type { Ask, Session, Site, SiteOutput, SiteSettings, SiteSources } from "./site-state.ts";
import type { Sent, Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

export type Caller = {
  readonly site: Site;
  /** All outputs but `send`, oldest first. */
  readonly heard: SiteOutput[];
  /** Datagrams of the site that have not been delivered, oldest first. */
  readonly outbox: { readonly octets: Uint8Array; readonly path: Path }[];
  /** Starts a negotiation; with `settle` it continues as far as possible. */
  connect(): void;
  ask(what: Ask): void;
  /** The next datagram of the site goes to the concentrator; undefined if there is none. */
  step(): Uint8Array | undefined;
  /** Takes messages on the table that are for one of this site's IKE SAs. */
  hear(): void;
  /** Passes messages both ways until none is left. */
  settle(): void;
  tick(): void;
  session(): Session;
};

/** Everything that a site needs, by its number: ID, key, address, subnet. */
export function settingsOf(number: number, changes: Partial<SiteSettings> = {}): SiteSettings {
  return {
    identity: parseIdentity(`site-${number}`),
    psk: new TextEncoder().encode(`secret ${number}`),
    path: {
      local: endpointOf(`192.0.2.${number}`, 500),
      remote: endpointOf(CONCENTRATOR, 500),
    },
    natPort: 4_500,
    ike: GCM_IKE,
    esp: GCM_ESP,
    ke: [31],
    tsI: [selectorOf(`192.168.${number}.0/24`)],
    tsR: [selectorOf("10.0.0.0/16")],
    initialContact: false,
    deletesReplaced: true,
    ...changes,
  };
}

/** The row that goes with {@link settingsOf}. */
export function putRow(table: Table, number: number): void {
  table.database.put({
    peerid: `site-${number}`,
    password: `secret ${number}`,
    remip: `192.168.${number}.0`,
    remmsk: null,
    peerip: null,
    bakpeerip: null,
    ourid: null,
  });
}

/** Seats a site at the table; its messages go nowhere unless the test moves them. */
export function seat(
  table: Table,
  settings: SiteSettings,
  keyExchange: SiteSources["keyExchange"] = exchange,
): Caller {
  const prng = createPrng(table.prng.u32());
  const site = createSite(settings, { random: (count) => prng.octets(count), keyExchange });
  const caller: Caller = {
    site,
    heard: [],
    outbox: [],
    connect: () => take(connect(site, asInstant(table.now()))),
    ask: (what) => take(ask(site, what, asInstant(table.now()))),
    step() {
      const next = caller.outbox.shift();
      if (next === undefined) return undefined;
      const { local, remote } = next.path;
      table.deliver(next.octets, { local: remote, remote: local });
      return next.octets;
    },
    hear() {
      const own = table.sent.filter(isFor);
      for (const sent of own) {
        table.sent.splice(table.sent.indexOf(sent), 1);
        take(receive(site, sent.octets, asInstant(table.now())));
      }
    },
    settle() {
      for (let rounds = 0; rounds < 100; rounds++) {
        caller.hear();
        if (caller.step() === undefined && !table.sent.some(isFor)) return;
      }
      assert(false, "the conversation never ends");
    },
    tick: () => take(tick(site, asInstant(table.now()))),
    session() {
      const session = currentSession(site);
      assert(session !== undefined, "the site has no IKE SA");
      return session;
    },
  };
  const isFor = ({ octets, path }: Sent): boolean => {
    const { remote } = path;
    const own = [site.path.local, settings.path.local].some((at) => equalEndpoint(at, remote));
    const header = parseHeader(octets);
    if (!own || !header.ok) return false;
    const { spiI } = header.value;
    const { negotiation } = site;
    const initiating = negotiation?.phase === "initiating" ? negotiation.spiI : undefined;
    const authenticating =
      negotiation?.phase === "authenticating" ? negotiation.secured.id.spiI : undefined;
    return spiI === initiating || spiI === authenticating || site.sessions.has(spiI);
  };
  const take = (outputs: readonly SiteOutput[]): void => {
    for (const output of outputs) {
      if (output.kind === "send") caller.outbox.push(output);
      else caller.heard.push(output);
    }
  };
  return caller;
}

/** The first MODP key exchange is slow, and here it is only refused. */
function exchange(op: KeyExchangeRequest): KeyExchangeResult {
  return isSlowKeyExchange(op.method) ? toyKeyExchange(op) : performKeyExchange(op);
}

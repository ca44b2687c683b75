/** Sites that call a running erouted over loopback, each from an address that the test gives it. */

import { performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { settingsOfSite } from "../bench/fleet.ts";
import { ask, connect, createSite, receive } from "../simulation/initiator.ts";
import { endpointOf } from "../simulation/plan.ts";
import type { Ask, SiteOutput, SiteSettings, SiteSources } from "../simulation/site-state.ts";

export type LiveCall = {
  /** Number of the site; another ID or key in `changes`. */
  readonly number: number;
  /** Of 127.0.0.0/8. */
  readonly from: string;
  readonly port: number;
  readonly changes?: { readonly id?: string; readonly psk?: string };
  /** X25519 if it is left out. */
  readonly ke?: number;
  /** Real unless a test wants many at no cost. */
  readonly keyExchange?: SiteSources["keyExchange"];
  /** Messages of other exchanges are not sent. */
  readonly only?: number;
};

export type CallEnd = {
  readonly isUp: boolean;
  /** From the IKE_AUTH request to its answer; undefined: there was none. */
  readonly authMs: number | undefined;
};

export type LiveSite = {
  /** Begins a negotiation. */
  connect(): void;
  ask(what: Ask): void;
  /** Sends its last message again, unchanged. */
  repeat(): void;
  close(): void;
};

/** A site with a socket of its own; `onOutputs` gets what comes of each message that it hears. */
export async function openLiveSite(
  call: LiveCall,
  onOutputs: (outputs: readonly SiteOutput[], exchange: number) => void,
): Promise<LiveSite> {
  const now = () => asInstant(performance.now());
  const socket = await Bun.udpSocket({
    hostname: call.from,
    binaryType: "uint8array",
    socket: {
      data(_, octets) {
        const outputs = receive(site, octets, now());
        onOutputs(outputs, octets[EXCHANGE_AT] ?? 0);
        send(outputs);
      },
    },
  });
  let last: Uint8Array | undefined;
  const send = (outputs: readonly SiteOutput[]): void => {
    for (const output of outputs) {
      if (output.kind !== "send") continue;
      if (call.only !== undefined && output.octets[EXCHANGE_AT] !== call.only) continue;
      const octets = output.octets.slice();
      // An answer to a request of the other end is not what has to be repeated.
      if (((octets[FLAGS_AT] ?? 0) & RESPONSE) === 0) last = octets;
      socket.send(octets, call.port, "127.0.0.1");
    }
  };
  const local = endpointOf(call.from, socket.port);
  const site = createSite(settingsOf(call, { local, remote: endpointOf("127.0.0.1", call.port) }), {
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
    keyExchange: call.keyExchange ?? performKeyExchange,
  });
  return {
    connect: () => send(connect(site, now())),
    ask: (what) => send(ask(site, what, now())),
    repeat: () => last !== undefined && socket.send(last, call.port, "127.0.0.1"),
    close: () => socket.close(),
  };
}

/** One attempt without repeats: it ends with the answer to IKE_AUTH, or after `msMax`. */
export async function liveCall(call: LiveCall, msMax: number): Promise<CallEnd> {
  const ended = Promise.withResolvers<CallEnd>();
  let askedAt: number | undefined;
  const site = await openLiveSite(call, (outputs, exchange) => {
    const at = performance.now();
    if (exchange === ExchangeType.IKE_AUTH) {
      const isUp = outputs.some(({ kind }) => kind === "child-up");
      ended.resolve({ isUp, authMs: askedAt === undefined ? undefined : at - askedAt });
    } else if (outputs.some(({ kind }) => kind === "ended")) {
      ended.resolve({ isUp: false, authMs: undefined });
    }
    // Its answer to IKE_SA_INIT is the IKE_AUTH, unless it is asked for a cookie.
    askedAt = at;
  });
  const timer = setTimeout(() => ended.resolve({ isUp: false, authMs: undefined }), msMax);
  site.connect();
  try {
    return await ended.promise;
  } finally {
    clearTimeout(timer);
    site.close();
  }
}

/** Where exchange type and flags are in an IKE header. */
const EXCHANGE_AT = 18;
const FLAGS_AT = 19;
const RESPONSE = 0x20;
const X25519 = 31;

function settingsOf({ number, changes, ke }: LiveCall, path: SiteSettings["path"]): SiteSettings {
  const settings = settingsOfSite(number, ke ?? X25519, path);
  const { id, psk } = changes ?? {};
  return {
    ...settings,
    initialContact: false,
    identity: id === undefined ? settings.identity : parseIdentity(id),
    psk: psk === undefined ? settings.psk : new TextEncoder().encode(psk),
  };
}

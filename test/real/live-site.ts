/** Sites that call a running erouted over loopback, each from an address that the test gives it. */

import { performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { settingsOfSite } from "../bench/fleet.ts";
import { connect, createSite, receive } from "../simulation/initiator.ts";
import { endpointOf } from "../simulation/plan.ts";
import type { SiteOutput, SiteSettings } from "../simulation/site-state.ts";

export type LiveCall = {
  /** Number of the site; another ID or key in `changes`. */
  readonly number: number;
  /** Of 127.0.0.0/8. */
  readonly from: string;
  readonly port: number;
  readonly changes?: { readonly id?: string; readonly psk?: string };
};

export type CallEnd = {
  readonly isUp: boolean;
  /** From the IKE_AUTH request to its answer; undefined: there was none. */
  readonly authMs: number | undefined;
};

/** One attempt without repeats: it ends with the answer to IKE_AUTH, or after `msMax`. */
export async function liveCall(call: LiveCall, msMax: number): Promise<CallEnd> {
  const ended = Promise.withResolvers<CallEnd>();
  let askedAt: number | undefined;
  const now = () => asInstant(performance.now());
  const socket = await Bun.udpSocket({
    hostname: call.from,
    binaryType: "uint8array",
    socket: {
      data(_, octets) {
        const at = performance.now();
        const outputs = receive(site, octets, now());
        if (octets[EXCHANGE_AT] !== ExchangeType.IKE_AUTH) return take(outputs);
        const isUp = outputs.some(({ kind }) => kind === "child-up");
        ended.resolve({ isUp, authMs: askedAt === undefined ? undefined : at - askedAt });
      },
    },
  });
  const take = (outputs: readonly SiteOutput[]): void => {
    for (const output of outputs) {
      if (output.kind === "ended") ended.resolve({ isUp: false, authMs: undefined });
      if (output.kind !== "send") continue;
      if (output.octets[EXCHANGE_AT] === ExchangeType.IKE_AUTH) askedAt = performance.now();
      socket.send(output.octets, call.port, "127.0.0.1");
    }
  };
  const local = endpointOf(call.from, socket.port);
  const site = createSite(settingsOf(call, { local, remote: endpointOf("127.0.0.1", call.port) }), {
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
    keyExchange: performKeyExchange,
  });
  const timer = setTimeout(() => ended.resolve({ isUp: false, authMs: undefined }), msMax);
  take(connect(site, now()));
  try {
    return await ended.promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** Where the exchange type is in an IKE header. */
const EXCHANGE_AT = 18;
const X25519 = 31;

function settingsOf({ number, changes }: LiveCall, path: SiteSettings["path"]): SiteSettings {
  const settings = settingsOfSite(number, X25519, path);
  const { id, psk } = changes ?? {};
  return {
    ...settings,
    initialContact: false,
    identity: id === undefined ? settings.identity : parseIdentity(id),
    psk: psk === undefined ? settings.psk : new TextEncoder().encode(psk),
  };
}

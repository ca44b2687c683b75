/** An end that is called with IKEv1: everything that it asks for is available at once. */

import type { KeyExchangeRequest, KeyExchangeResult } from "../../src/crypto/key-exchange.ts";
import { isOpening, readOpening, receive } from "../../src/ike/door.ts";
import type { IkeContext } from "../../src/ike/effect.ts";
import type { Credentials, IkeEvent } from "../../src/ike/event.ts";
import type { IkeSaFacts } from "../../src/ike/facts.ts";
import { deadlineOf, factsOf, type IkeEffect, type IkeSa, step } from "../../src/ike/ike-sa.ts";
import type { Refusal } from "../../src/ike/refusal.ts";
import type { Ticket } from "../../src/ike/ticket.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { assert } from "../../src/octets/assert.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok, type Result } from "../../src/octets/result.ts";
import { wipe } from "../../src/octets/secret.ts";
import { asIkeSpi, parseHeader } from "../../src/wire/header.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import { type Caller, type CallerKnobs, ikev1Caller } from "./ikev1-caller.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { endpointOf, selectorOf } from "./plan.ts";
import { createPrng } from "./prng.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

export type CalledEnd = {
  sa: IkeSa | undefined;
  readonly effects: IkeEffect[];
  /** Datagrams that it has sent and nobody has taken. */
  readonly sent: { readonly octets: Uint8Array; readonly path: Path }[];
  readonly installed: Extract<IkeEffect, { kind: "child-up" }>[];
  /** Inbound SPIs of the Child SAs that have an outbound state, as the kernel would have it. */
  readonly sending: Set<number>;
  readonly context: IkeContext;
  now(): number;
  feed(event: IkeEvent): void;
  /** A datagram arrives. */
  hear(octets: Uint8Array, path?: Path): void;
  /** What it has sent since the last call; exactly one datagram. */
  said(): Uint8Array;
  /** Moves the clock from deadline to deadline. */
  advance(ms: number): void;
  facts(): IkeSaFacts;
};

export type CalledSettings = {
  readonly credentials?: (own: Credentials) => Result<Credentials, Refusal>;
  readonly keyExchange?: (op: KeyExchangeRequest) => KeyExchangeResult;
  /** Whether this password of this user is right. */
  readonly password?: (user: string, password: string) => boolean;
  readonly install?: () => Result<undefined, Refusal>;
};

export const CALLER_PATH: Path = {
  local: endpointOf("192.0.2.2", 500),
  remote: endpointOf("192.0.2.1", 500),
};

/** The end before the first message has come. */
export function calledEnd(settings: CalledSettings = {}): CalledEnd {
  let clock = 1_000;
  const context = contextOf(() => clock);
  const perform = (effect: IkeEffect): void => {
    switch (effect.kind) {
      case "send":
        end.sent.push({ octets: effect.octets.slice(), path: effect.path });
        return;
      case "key-exchange": {
        const result = (settings.keyExchange ?? toyKeyExchange)(effect.op);
        // As the shell does.
        wipe(effect.op.random);
        return end.feed({ kind: "key-exchange-answer", ticket: effect.ticket, result });
      }
      case "identify": {
        end.effects.push(effect);
        const own = credentialsOf();
        const result = settings.credentials?.(own) ?? ok(own);
        return end.feed({ kind: "credentials", ticket: effect.ticket, result });
      }
      case "child-up": {
        end.installed.push(effect);
        const { spiIn, replaces } = effect.child;
        if (!effect.inboundOnly || replaces === undefined || !live.has(replaces)) {
          end.sending.add(spiIn);
        }
        live.add(spiIn);
        const result = settings.install?.() ?? ok(undefined);
        return end.feed({ kind: "child-installed", ticket: effect.ticket, result });
      }
      case "check-password": {
        const { ticket, user, password } = effect;
        const isRight = settings.password?.(user, new TextDecoder().decode(password)) ?? false;
        return end.feed({ kind: "password-answer", ticket, isRight });
      }
      case "probe-usage": {
        const usage = { hasReceived: false, hasSent: false };
        return end.feed({ kind: "usage", ticket: effect.ticket, ...usage });
      }
      case "child-outbound": {
        end.effects.push(effect);
        const { spiIn, insteadOf } = effect;
        const isServed = [...end.sending].some((spi) => spi !== insteadOf && spi !== spiIn);
        if (insteadOf === undefined || !isServed) end.sending.add(spiIn);
        return;
      }
      case "child-down":
        end.effects.push(effect);
        live.delete(effect.spiIn);
        end.sending.delete(effect.spiIn);
        return;
      default:
        end.effects.push(effect);
    }
  };
  const live = new Set<number>();
  const end: CalledEnd = {
    sa: undefined,
    ...{ effects: [], sent: [], installed: [], sending: new Set(), context },
    now: () => clock,
    feed(event) {
      if (end.sa === undefined) return;
      const done = step(end.sa, event, context);
      end.sa = done.sa;
      for (const effect of done.effects) perform(effect);
    },
    hear(octets, path = CALLER_PATH) {
      const parsed = parseHeader(octets);
      assert(parsed.ok, "a header");
      const header = parsed.value;
      // Only lent: code that keeps a view of a datagram finds something else in it.
      const lent = octets.slice();
      if (end.sa !== undefined || !isOpening(header)) {
        end.feed({ kind: "message", header, octets: lent, path });
        lent.fill(0xee);
        return;
      }
      const opening = readOpening(header, lent);
      if (!opening.ok) return;
      const begun = receive(opening.value, receptionOf(header, lent, path), context);
      assert(begun.ok, "it begins");
      lent.fill(0xee);
      end.sa = begun.value.sa;
      for (const effect of begun.value.effects) perform(effect);
    },
    said() {
      const all = end.sent.splice(0);
      assert(all.length === 1, `${all.length} datagrams were sent`);
      return all[0]?.octets ?? new Uint8Array(0);
    },
    advance(ms) {
      const until = clock + ms;
      for (let rounds = 0; end.sa !== undefined; rounds++) {
        assert(rounds < 10_000, "a deadline that is never handled");
        const due = deadlineOf(end.sa);
        if (due === undefined || due > until) break;
        clock = Math.max(clock, due);
        end.feed({ kind: "deadline" });
      }
      clock = until;
    },
    facts() {
      const facts = end.sa === undefined ? undefined : factsOf(end.sa);
      assert(facts !== undefined, "it is established");
      return facts;
    },
  };
  return end;
}

/** Phase 1 is over. */
export function calledAndUp(
  knobs: CallerKnobs = {},
  settings: CalledSettings = {},
  path: Path = CALLER_PATH,
): { readonly caller: Caller; readonly end: CalledEnd } {
  const caller = ikev1Caller(knobs);
  const end = calledEnd(settings);
  end.hear(caller.first(), path);
  end.hear(caller.third(end.said(), path), path);
  end.facts();
  return { caller, end };
}

/** The same with a Child SA. */
export function calledWithChild(
  knobs: CallerKnobs = {},
  settings: CalledSettings = {},
): ReturnType<typeof calledAndUp> {
  const both = calledAndUp(knobs, settings);
  connect(both);
  return both;
}

/** A whole Quick Mode; returns the payloads of the answer. */
export function connect(
  { caller, end }: ReturnType<typeof calledAndUp>,
  options: Parameters<Caller["quick"]>[0] = {},
) {
  const quick = caller.quick(options);
  end.hear(quick.octets);
  const answer = caller.granted(quick, end.said());
  end.hear(caller.quickThird(quick));
  return { quick, answer };
}

/** Effects of one kind, oldest first. */
export function effectsOf<K extends IkeEffect["kind"]>({ effects }: CalledEnd, kind: K) {
  return effects.filter((one): one is Extract<IkeEffect, { kind: K }> => one.kind === kind);
}

/** The reasons of its notes, oldest first. */
export function reasonsOf(end: CalledEnd): readonly string[] {
  return effectsOf(end, "note").map(({ note }) => note.reason);
}

function receptionOf(
  header: Parameters<typeof readOpening>[0],
  octets: Uint8Array,
  path: Path,
): Parameters<typeof receive>[1] {
  return {
    ...{ header, octets, path, suites: [], halfOpenMs: 30_000, certReq: undefined },
    ...{ acceptsPsk: true, withPpk: false, withFragments: false, withFullTranscript: false },
    withIntermediatePpk: false,
    ikev1Signed: [],
  };
}

function contextOf(now: () => number): IkeContext {
  const prng = createPrng(5);
  const random = (count: number) => prng.octets(count);
  let tickets = 0;
  return {
    get now() {
      return asInstant(now());
    },
    random,
    ticket: () => ++tickets as Ticket,
    espSpi: () => asEspSpi(prng.between(256, 0xffff_ffff)),
    refusalMs: 500,
    hasLost: false,
    ikeSpi: () => asIkeSpi(new DataView(random(8).buffer).getBigUint64(0) | 1n),
    onMessage: undefined,
  };
}

function credentialsOf(): Credentials {
  const psk = () => new TextEncoder().encode("one key for both");
  return {
    own: { kind: "psk", psk: psk() },
    peer: { kind: "psk", psk: psk() },
    ppk: undefined,
    isSilent: false,
    ourIdentity: parseIdentity("concentrator.example"),
    ikev1: {
      ...{ xauth: false, isUserKnown: false, isSha256Short: false, pushesConfig: false },
      expected: undefined,
    },
    policy: {
      ...{ suites: [IKEV1_ESP_SUITE], ikeSuites: [IKEV1_IKE_SUITE] },
      ...{ local: [selectorOf("10.0.0.0/16")], remote: [selectorOf("192.168.0.0/23")] },
      ...{ transport: false, lifetimeMs: 3_600_000, childSasMax: 4, dns: [] },
    },
    settings: {
      ...{ livenessMs: 30_000, inactivityMs: undefined, reauthMs: undefined },
      ...{ lifetimeMs: 14_400_000, mobike: true, fragmentation: true, natKeepaliveMs: 20_000 },
      ...{ followRedirect: false, natPort: 4_500, fragmentSize: 1_280 },
      retransmission: { firstMs: 2_000, backoff: 1.8, attemptsMax: 5 },
    },
  };
}

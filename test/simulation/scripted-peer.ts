/** End a is connected; from then on a script decides what end b answers. */

import { isAdditionalKe, Ke, TransformType } from "../../src/crypto/transform.ts";
import type { SeenIkev2Message } from "../../src/ike/v2/seen-message.ts";
import { concat } from "../../src/octets/concat.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { type Payload, type Proposal, Protocol } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { connectedEnds, type Ends, type EndsSettings, takeSeen } from "./ends.ts";
import { spiOctets } from "./site-messages.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

/** The answer to a CREATE_CHILD_SA request of end a. */
export type Script = (request: Request) => readonly Payload[];

/** A request for new keys, as a peer sees it. */
export type Request = {
  readonly of: "child" | "ike";
  /** Names the Child SA that it replaces. */
  readonly isRekey: boolean;
  /** Group of its KE payload; 0 without one. */
  readonly method: number;
  /** Groups in its proposals, each once. */
  readonly groups: readonly number[];
  readonly payloads: readonly Payload[];
};

export type ScriptedPeer = {
  readonly ends: Ends;
  /** All requests for new keys so far. */
  readonly requests: Request[];
  /** Lets end a do something, and answers the requests that follow. */
  converse(): void;
  /** Advances the clock in small steps. */
  advance(ms: number): void;
};

/** `informational`: the payloads of answers to all other requests. */
export function scriptedPeer(
  script: Script,
  settings: EndsSettings = {},
  informational: readonly Payload[] = [],
): ScriptedPeer {
  let isScripted = false;
  const ends = connectedEnds({
    keyExchange: (_, op) => toyKeyExchange(op),
    ...settings,
    onWay: ({ from, octets }) => (isScripted && from === "a" ? undefined : octets),
  });
  isScripted = true;
  takeSeen(ends.a);
  const requests: Request[] = [];
  const converse = (): void => {
    for (let rounds = 0; rounds < 100; rounds++) {
      ends.run();
      const asked = takeSeen(ends.a).filter(({ way, response }) => way === "sent" && !response);
      if (asked.length === 0) return;
      for (const message of asked) answer(message);
    }
    throw new Error("end a never stops asking");
  };
  const answer = ({ exchangeType, messageId, payloads }: SeenIkev2Message): void => {
    const head = { exchangeType, messageId, response: true };
    if (exchangeType !== ExchangeType.CREATE_CHILD_SA) {
      return ends.say(ends.b, head, informational);
    }
    const request = requestOf(payloads);
    requests.push(request);
    ends.say(ends.b, head, script(request));
  };
  return {
    ...{ ends, requests, converse },
    advance(ms) {
      for (let left = ms; left > 0; left -= STEP_MS) {
        ends.advance(Math.min(left, STEP_MS));
        converse();
      }
    },
  };
}

/** Less time than end a waits before it repeats a request. */
const STEP_MS = 500;

/** An error and nothing else. */
export function refusalBy(type: number, data = new Uint8Array(0)): readonly Payload[] {
  return [{ kind: "NOTIFY", protocol: Protocol.NONE, spi: new Uint8Array(0), type, data }];
}

/** INVALID_KE_PAYLOAD that asks for a group. */
export function wants(method: number): readonly Payload[] {
  return refusalBy(NotifyType.INVALID_KE_PAYLOAD, Uint8Array.of(method >> 8, method & 0xff));
}

let spi = 0x2000;

/** Grants the request; `without`: no key exchange, even if one was offered. */
export function grant(request: Request, without = false): readonly Payload[] {
  const { payloads, method } = request;
  const offer = payloads.find(({ kind }) => kind === "SA");
  const ke = payloads.find(({ kind }) => kind === "KE");
  const proposals = offer?.kind === "SA" ? offer.proposals : [];
  // It knows no additional key exchanges, and leaves out what has them (RFC 7296 §3.3.6).
  const proposal = proposals.find(({ transforms }) => {
    return !transforms.some(({ type }) => isAdditionalKe(type));
  });
  if (proposal === undefined) throw new Error("nothing is offered");
  const chosen = chosenOf(proposal, without ? Ke.NONE : method);
  const random = new Uint8Array(64).fill(spi);
  const nonce: Payload = { kind: "NONCE", data: random.subarray(0, 32) };
  const exchanged =
    ke?.kind === "KE" && !without
      ? toyKeyExchange({ op: "respond", method, random, peerPublic: ke.data })
      : undefined;
  const data = exchanged?.ok === true ? exchanged.value.publicValue : undefined;
  return [
    { kind: "SA", proposals: [chosen] },
    nonce,
    ...(data === undefined ? [] : [{ kind: "KE", method, data } as const]),
    ...payloads.filter(({ kind }) => kind === "TSi" || kind === "TSr"),
  ];
}

function chosenOf(proposal: Proposal, method: number): Proposal {
  const types = [...new Set(proposal.transforms.map(({ type }) => type))];
  const transforms = types.flatMap((type) => {
    const all = proposal.transforms.filter((one) => one.type === type);
    if (type !== TransformType.KE) return all.slice(0, 1);
    return all.filter(({ id }) => id === method && id !== Ke.NONE);
  });
  const own = spiOctets(spi++);
  return { ...proposal, transforms, spi: proposal.spi.length === 8 ? concat(own, own) : own };
}

function requestOf(payloads: readonly Payload[]): Request {
  const offer = payloads.find(({ kind }) => kind === "SA");
  const proposals = offer?.kind === "SA" ? offer.proposals : [];
  const transforms = proposals.flatMap((proposal) => proposal.transforms);
  const groups = transforms.filter(({ type }) => type === TransformType.KE).map(({ id }) => id);
  const ke = payloads.find(({ kind }) => kind === "KE");
  return {
    of: proposals[0]?.protocol === Protocol.IKE ? "ike" : "child",
    isRekey: payloads.some((p) => p.kind === "NOTIFY" && p.type === NotifyType.REKEY_SA),
    method: ke?.kind === "KE" ? ke.method : Ke.NONE,
    groups: [...new Set(groups)],
    payloads,
  };
}

/** A connected site's exchanges: rekey, new Child SA, Delete (RFC 7296 §1.3, §1.4). */

import { ikeAlgorithmsOf } from "../../src/ike/algorithms.ts";
import { notifyOf, payloadOf } from "../../src/ike/v2/find-payload.ts";
import { deriveIkeKeys, rekeySkeyseed } from "../../src/ike/v2/keys.ts";
import { notify } from "../../src/ike/v2/notify.ts";
import { never } from "../../src/octets/assert.ts";
import { Reader } from "../../src/octets/reader.ts";
import { Writer } from "../../src/octets/writer.ts";
import { asIkeSpi, type IkeHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { type DeletePayload, type Payload, Protocol } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { openOne, sealOne } from "./one-datagram.ts";
import { addChild, removeChild, siteChildren } from "./site-child.ts";
import {
  drawEspSpi,
  drawIkeSpi,
  drawKey,
  launch,
  NONCE_OCTETS,
  publicOf,
  secretOf,
  send,
} from "./site-draw.ts";
import {
  chosenOf,
  errorOf,
  espOffer,
  ikeOffer,
  rekeyNotify,
  wantedGroup,
} from "./site-messages.ts";
import type { Ask, Pending, Session, Site } from "./site-state.ts";

/** Starts the next exchange that waits, if none is in flight (window 1, RFC 7296 §2.3). */
export function sendNext(site: Site, session: Session): void {
  while (session.inFlight === undefined) {
    const asked = session.queue.shift();
    if (asked === undefined) return;
    const request = requestOf(site, session, asked);
    if (request === undefined) continue;
    const messageId = session.nextId++;
    const head = { exchangeType: request.exchangeType, response: false, messageId };
    const { secured } = session;
    const octets = sealOne(secured, head, request.payloads, site.sources.random);
    session.inFlight = launch(site, messageId, octets, request.pending);
  }
}

/** An answer to our request. */
export function onResponse(
  site: Site,
  session: Session,
  header: IkeHeader,
  octets: Uint8Array,
): void {
  const { inFlight } = session;
  if (inFlight === undefined || inFlight.messageId !== header.messageId) return;
  const opened = openOne(session.secured, header, octets);
  if (!opened.ok) return;
  session.inFlight = undefined;
  const { pending } = inFlight;
  site.out.push({ kind: "answer", asked: pending.kind, payloads: opened.value });
  conclude(site, session, pending, opened.value);
  if (site.sessions.has(session.secured.id.spiI)) sendNext(site, session);
}

/** A request of the concentrator: a Delete, or a liveness check. */
export function onRequest(
  site: Site,
  session: Session,
  header: IkeHeader,
  octets: Uint8Array,
): void {
  const opened = openOne(session.secured, header, octets);
  if (!opened.ok) return;
  if (header.messageId === session.peerNextId - 1 && session.lastResponse !== undefined) {
    return send(site, session.lastResponse);
  }
  if (header.messageId !== session.peerNextId) return;
  const deletes = opened.value.filter((p): p is DeletePayload => p.kind === "DELETE");
  const spis = deletes.filter((d) => d.protocol === Protocol.ESP).flatMap((d) => d.spis);
  // After a rekey of the IKE SA a Delete may still come in the old one.
  const gone = siteChildren(site).filter((child) => spis.includes(child.spiOut));
  for (const child of gone) removeChild(site, child.spiIn, "deleted by concentrator");
  const redirect = notifyOf(opened.value, NotifyType.REDIRECT);
  if (redirect !== undefined) site.out.push({ kind: "redirected", data: redirect.data.slice() });
  const answer: Payload[] =
    gone.length === 0
      ? []
      : [{ kind: "DELETE", protocol: Protocol.ESP, spis: gone.map((child) => child.spiIn) }];
  const cookie2 = notifyOf(opened.value, NotifyType.COOKIE2);
  if (cookie2 !== undefined) answer.push(notify(NotifyType.COOKIE2, cookie2.data.slice()));
  const { exchangeType, messageId } = header;
  // A minimal initiator rekeys, but is not rekeyed (RFC 7815 §2.2.1).
  if (exchangeType === ExchangeType.CREATE_CHILD_SA) {
    answer.push(notify(NotifyType.NO_ADDITIONAL_SAS));
  }
  const head = { exchangeType, messageId, response: true };
  session.lastResponse = sealOne(session.secured, head, answer, site.sources.random);
  session.peerNextId++;
  send(site, session.lastResponse);
  if (deletes.some((d) => d.protocol === Protocol.IKE)) {
    endSession(site, session, "deleted by concentrator");
  }
}

type Request = {
  readonly exchangeType: number;
  readonly payloads: readonly Payload[];
  readonly pending: Pending;
};

/** The request on the wire; undefined if its Child SA is gone. */
function requestOf(site: Site, session: Session, asked: Ask): Request | undefined {
  switch (asked.kind) {
    case "new-child":
      return childRequest(site, undefined, asked.ke);
    case "rekey-child":
      if (!session.children.some((child) => child.spiIn === asked.spiIn)) return undefined;
      return childRequest(site, asked.spiIn, asked.ke);
    case "rekey-ike":
      return ikeRequest(site, asked.ke);
    case "delete-child": {
      const { spiIn } = asked;
      if (!session.children.some((child) => child.spiIn === spiIn)) return undefined;
      const payloads: Payload[] = [{ kind: "DELETE", protocol: Protocol.ESP, spis: [spiIn] }];
      return informational(payloads, { kind: "delete-child", spiIn });
    }
    case "delete-ike": {
      const payloads: Payload[] = [{ kind: "DELETE", protocol: Protocol.IKE, spis: [] }];
      return informational(payloads, { kind: "delete-ike" });
    }
    case "liveness":
      return informational([], { kind: "liveness" });
    case "say":
      return { ...asked, pending: { kind: "say" } };
    default:
      return never(asked);
  }
}

function informational(payloads: readonly Payload[], pending: Pending): Request {
  return { exchangeType: ExchangeType.INFORMATIONAL, payloads, pending };
}

// HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr} -->
function childRequest(site: Site, replaces: number | undefined, ke: number | undefined): Request {
  const { esp, tsI, tsR } = site.settings;
  const spiIn = drawEspSpi(site);
  const Ni = site.sources.random(NONCE_OCTETS);
  const own = ke === undefined ? undefined : drawKey(site, ke);
  const payloads: Payload[] = [espOffer(esp, spiIn, ke), { kind: "NONCE", data: Ni }];
  if (replaces !== undefined) payloads.unshift(rekeyNotify(replaces));
  if (own !== undefined) {
    payloads.push({ kind: "KE", method: own.method, data: publicOf(site, own) });
  }
  payloads.push({ kind: "TSi", selectors: tsI, unknown: 0 });
  payloads.push({ kind: "TSr", selectors: tsR, unknown: 0 });
  const pending: Pending = { kind: "child", replaces, spiIn, Ni, own };
  return { exchangeType: ExchangeType.CREATE_CHILD_SA, payloads, pending };
}

// HDR, SK {SA, Ni, KEi} -->
function ikeRequest(site: Site, ke: number | undefined): Request {
  const { ike, ke: offered } = site.settings;
  const own = drawKey(site, ke ?? offered[0]);
  const spiI = drawIkeSpi(site);
  const Ni = site.sources.random(NONCE_OCTETS);
  const payloads: Payload[] = [
    ikeOffer(ike, offered, new Writer(8).u64(spiI).done()),
    { kind: "NONCE", data: Ni },
    { kind: "KE", method: own.method, data: publicOf(site, own) },
  ];
  const pending: Pending = { kind: "ike", spiI, Ni, own };
  return { exchangeType: ExchangeType.CREATE_CHILD_SA, payloads, pending };
}

function conclude(
  site: Site,
  session: Session,
  pending: Pending,
  payloads: readonly Payload[],
): void {
  switch (pending.kind) {
    case "child":
      return onChildAnswer(site, session, pending, payloads);
    case "ike":
      return onIkeAnswer(site, session, pending, payloads);
    case "delete-child":
      return removeChild(site, pending.spiIn, "deleted by site");
    case "delete-ike":
      return endSession(site, session, "deleted by site");
    case "liveness":
    case "say":
      return;
    default:
      never(pending);
  }
}

function onChildAnswer(
  site: Site,
  session: Session,
  pending: Extract<Pending, { kind: "child" }>,
  payloads: readonly Payload[],
): void {
  const { spiIn, Ni, own, replaces } = pending;
  const error = errorOf(payloads);
  if (error !== undefined) {
    site.out.push({ kind: "refused", asked: "child", notify: error.type });
    const group = wantedGroup(payloads, site.settings.ke);
    if (group !== undefined) {
      session.queue.unshift(
        replaces === undefined
          ? { kind: "new-child", ke: group }
          : { kind: "rekey-child", spiIn: replaces, ke: group },
      );
    }
    // The concentrator does not have it, so we remove it too (§2.25).
    if (error.type === NotifyType.CHILD_SA_NOT_FOUND && replaces !== undefined) {
      removeChild(site, replaces, "not found by concentrator");
    }
    return;
  }
  const nonce = payloadOf(payloads, "NONCE");
  const ke = payloadOf(payloads, "KE");
  if (nonce === undefined) return;
  const none = new Uint8Array(0);
  const secret =
    own === undefined || ke === undefined ? none : secretOf(site, own, ke.data.slice());
  if (secret === undefined) return;
  const made = { spiIn, Ni, Nr: nonce.data.slice(), sharedSecret: secret };
  if (!addChild(site, session, payloads, made) || replaces === undefined) return;
  if (site.settings.deletesReplaced) {
    session.queue.unshift({ kind: "delete-child", spiIn: replaces });
  }
}

function onIkeAnswer(
  site: Site,
  session: Session,
  pending: Extract<Pending, { kind: "ike" }>,
  payloads: readonly Payload[],
): void {
  const error = errorOf(payloads);
  if (error !== undefined) {
    site.out.push({ kind: "refused", asked: "ike", notify: error.type });
    const group = wantedGroup(payloads, site.settings.ke);
    if (group !== undefined) session.queue.unshift({ kind: "rekey-ike", ke: group });
    return;
  }
  const chosen = chosenOf(payloads);
  const ke = payloadOf(payloads, "KE");
  const nonce = payloadOf(payloads, "NONCE");
  const algorithms = chosen === undefined ? undefined : ikeAlgorithmsOf(chosen.choice);
  if (chosen === undefined || algorithms === undefined) return;
  if (ke === undefined || nonce === undefined) return;
  const { spiI, Ni, own } = pending;
  const sharedSecret = secretOf(site, own, ke.data.slice());
  if (sharedSecret === undefined) return;
  const spiR = asIkeSpi(new Reader(chosen.spi, "IKE SPI").u64());
  const Nr = nonce.data.slice();
  const { algorithms: old, keys: oldKeys } = session.secured;
  const SKEYSEED = rekeySkeyseed(old.prf, oldKeys.SK_d, { sharedSecret, Ni, Nr });
  const keys = deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, spiI, spiR });
  const id = { spiI, spiR, role: "initiator" } as const;
  takeOver(site, session, { id, algorithms, keys, fragmentOctets: undefined });
}

/** The new IKE SA gets the Child SAs and the waiting requests; the old one is deleted. */
function takeOver(site: Site, session: Session, secured: Session["secured"]): void {
  const { spiI } = secured.id;
  const successor: Session = {
    secured,
    nextId: 0,
    inFlight: undefined,
    queue: session.queue.splice(0),
    peerNextId: 0,
    lastResponse: undefined,
    children: session.children,
    isReplaced: false,
  };
  session.children = [];
  session.isReplaced = true;
  site.sessions.set(spiI, successor);
  site.out.push({ kind: "rekeyed", spiI });
  if (site.settings.deletesReplaced) session.queue.push({ kind: "delete-ike" });
  sendNext(site, successor);
}

function endSession(site: Site, session: Session, why: string): void {
  for (const { spiIn } of session.children) site.out.push({ kind: "child-down", spiIn, why });
  session.children = [];
  site.sessions.delete(session.secured.id.spiI);
  if (!session.isReplaced) site.out.push({ kind: "ended", why });
}

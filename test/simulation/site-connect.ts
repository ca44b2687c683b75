/** A site's first two exchanges: IKE_SA_INIT and IKE_AUTH as initiator (RFC 7296 §1.2). */

import type { SigningKey } from "../../src/crypto/signature.ts";
import { ikeAlgorithmsOf } from "../../src/ike/algorithms.ts";
import { AUTH_METHOD_PSK, pskAuth, signedOctets } from "../../src/ike/v2/auth.ts";
import { notifyOf, payloadOf } from "../../src/ike/v2/find-payload.ts";
import { deriveIkeKeys, skeyseed } from "../../src/ike/v2/keys.ts";
import { detectNat, natDetectionNotifies } from "../../src/ike/v2/nat.ts";
import { notify } from "../../src/ike/v2/notify.ts";
import { equalOctets } from "../../src/octets/concat.ts";
import { asIkeSpi, type IkeHeader } from "../../src/wire/header.ts";
import { emitMessage } from "../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { IdPayload, Payload } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { CertEncoding } from "../../src/wire/v2/payload/cert.ts";
import { identityBody } from "../../src/wire/v2/payload/id.ts";
import { parsePayloads } from "../../src/wire/v2/payload-chain.ts";
import { openOne, sealOne } from "./one-datagram.ts";
import { addChild } from "./site-child.ts";
import {
  drawEspSpi,
  drawIkeSpi,
  drawKey,
  launch,
  NONCE_OCTETS,
  publicOf,
  secretOf,
} from "./site-draw.ts";
import { chosenOf, errorOf, espOffer, ikeOffer, wantedGroup } from "./site-messages.ts";
import type { Authenticating, Initiating, Session, Site } from "./site-state.ts";
import { TOY_ANCHORS, toySignature } from "./toy-signature.ts";

/** Requests for cookies and other groups that a site follows before it gives up. */
const RETRIES_MAX = 5;

/** Sends the first IKE_SA_INIT request. */
export function startInit(site: Site): void {
  const [method] = site.settings.ke;
  const spiI = drawIkeSpi(site);
  const Ni = site.sources.random(NONCE_OCTETS);
  sendInit(site, { spiI, Ni, own: drawKey(site, method), cookie: undefined, retries: 0 });
}

/** Cookie, another group, a refusal, or the answer: keys are derived and IKE_AUTH is sent. */
export function onInitResponse(
  site: Site,
  init: Initiating,
  header: IkeHeader,
  octets: Uint8Array,
): void {
  if (!header.flags.response || header.exchangeType !== ExchangeType.IKE_SA_INIT) return;
  const parsed = parsePayloads(header.nextPayload, octets.subarray(28), "IKE_SA_INIT");
  if (!parsed.ok) return;
  const { payloads } = parsed.value;
  const { spiI, Ni, own, retries } = init;
  const redirect = notifyOf(payloads, NotifyType.REDIRECT);
  if (redirect !== undefined) {
    site.negotiation = undefined;
    site.out.push({ kind: "redirected", data: redirect.data.slice() });
    return;
  }
  const cookie = notifyOf(payloads, NotifyType.COOKIE)?.data.slice();
  const group = wantedGroup(payloads, site.settings.ke);
  if (cookie !== undefined || group !== undefined) {
    if (retries >= RETRIES_MAX) return;
    const nextOwn = group === undefined ? own : drawKey(site, group);
    const next = { spiI, Ni, own: nextOwn, cookie: cookie ?? init.cookie, retries: retries + 1 };
    return sendInit(site, next);
  }
  const error = errorOf(payloads);
  if (error !== undefined) {
    // Anybody can send this: it is noted, and the site goes on waiting (§2.21.1).
    site.out.push({ kind: "refused", asked: "IKE_SA_INIT", notify: error.type });
    return;
  }
  authenticate(site, init, { header, payloads, octets: octets.slice() });
}

/** The concentrator has authenticated, or has refused us. */
export function onAuthResponse(
  site: Site,
  auth: Authenticating,
  header: IkeHeader,
  octets: Uint8Array,
): void {
  if (!header.flags.response || header.exchangeType !== ExchangeType.IKE_AUTH) return;
  const opened = openOne(auth.secured, header, octets);
  if (!opened.ok) return;
  const payloads = opened.value;
  if (!isAuthentic(site, auth, payloads)) {
    const type = errorOf(payloads)?.type ?? 0;
    site.negotiation = undefined;
    site.out.push({ kind: "refused", asked: "IKE_AUTH", notify: type });
    site.out.push({ kind: "ended", why: `IKE_AUTH refused with notify ${type}` });
    return;
  }
  const session: Session = {
    secured: auth.secured,
    nextId: 2,
    inFlight: undefined,
    queue: [],
    peerNextId: 0,
    lastResponse: undefined,
    children: [],
    isReplaced: false,
  };
  const { spiI, spiR } = auth.secured.id;
  site.negotiation = undefined;
  site.sessions.set(spiI, session);
  site.out.push({ kind: "established", spiI, spiR });
  const reply = payloadOf(payloads, "CP");
  if (reply !== undefined) site.out.push({ kind: "configured", reply });
  const { Ni, Nr, spiIn } = auth;
  const made = { Ni, Nr, spiIn, sharedSecret: new Uint8Array(0) };
  if (site.settings.childless !== true && !addChild(site, session, payloads, made)) {
    const type = errorOf(payloads)?.type ?? 0;
    site.out.push({ kind: "refused", asked: "first Child SA", notify: type });
  }
}

type InitPlan = Omit<Initiating, "phase" | "flight">;

function sendInit(site: Site, plan: InitPlan): void {
  const { settings } = site;
  const { spiI, Ni, own, cookie } = plan;
  const noSpi = asIkeSpi(0n);
  const payloads: Payload[] = [
    ikeOffer(settings.ike, settings.ke, new Uint8Array(0)),
    { kind: "KE", method: own.method, data: publicOf(site, own) },
    { kind: "NONCE", data: Ni },
    ...natDetectionNotifies(spiI, noSpi, site.path),
  ];
  if (settings.redirect === "supported") payloads.push(notify(NotifyType.REDIRECT_SUPPORTED));
  if (settings.redirect === "redirected") {
    const from = Uint8Array.of(1, 4, 203, 0, 113, 1);
    payloads.push(notify(NotifyType.REDIRECTED_FROM, from));
  }
  if (cookie !== undefined) payloads.unshift(notify(NotifyType.COOKIE, cookie));
  const octets = emitMessage(
    {
      spiI,
      spiR: noSpi,
      version: { major: 2, minor: 0 },
      exchangeType: ExchangeType.IKE_SA_INIT,
      flags: { initiator: true, version: false, response: false },
      messageId: 0,
    },
    payloads,
  );
  const flight = launch(site, 0, octets, "init" as const);
  site.negotiation = { phase: "initiating", ...plan, flight };
}

type InitAnswer = {
  readonly header: IkeHeader;
  readonly payloads: readonly Payload[];
  readonly octets: Uint8Array;
};

function authenticate(site: Site, init: Initiating, answer: InitAnswer): void {
  const { payloads, header } = answer;
  const chosen = chosenOf(payloads);
  const ke = payloadOf(payloads, "KE");
  const nonce = payloadOf(payloads, "NONCE");
  const algorithms = chosen === undefined ? undefined : ikeAlgorithmsOf(chosen.choice);
  if (algorithms === undefined || ke === undefined || nonce === undefined) return;
  const secret = secretOf(site, init.own, ke.data.slice());
  if (secret === undefined) return;
  const { spiI, Ni } = init;
  const { spiR } = header;
  const Nr = nonce.data.slice();
  const SKEYSEED = skeyseed(algorithms.prf, { Ni, Nr }, secret);
  const keys = deriveIkeKeys(algorithms, SKEYSEED, { Ni, Nr, spiI, spiR });
  const id = { spiI, spiR, role: "initiator" } as const;
  if (detectNat(payloads, id, site.path) !== "none") floatPorts(site);
  const secured = { id, algorithms, keys, fragmentOctets: undefined };
  const spiIn = drawEspSpi(site);
  const head = { exchangeType: ExchangeType.IKE_AUTH, response: false, messageId: 1 };
  const request = authRequest(site, secured, { Nr, spiIn, message: init.flight.octets });
  const octets = sealOne(secured, head, request, site.sources.random);
  const flight = launch(site, 1, octets, "auth" as const);
  const { octets: response } = answer;
  site.negotiation = { phase: "authenticating", secured, Ni, Nr, response, spiIn, flight };
}

type AuthParts = {
  readonly Nr: Uint8Array;
  readonly spiIn: number;
  readonly message: Uint8Array;
};

function authRequest(
  site: Site,
  { algorithms, keys }: Authenticating["secured"],
  { Nr, spiIn, message }: AuthParts,
): Payload[] {
  const { identity, psk, key, initialContact, esp, tsI, tsR } = site.settings;
  const { childless, expects, configuration } = site.settings;
  const body = identityBody(identity);
  const input = { message, nonce: Nr, SK_p: keys.SK_pi, idBody: body };
  const payloads: Payload[] = [
    { kind: "IDi", identity, body },
    ...(expects === undefined
      ? []
      : [{ kind: "IDr" as const, identity: expects, body: identityBody(expects) }]),
    ...(key === undefined
      ? [
          {
            kind: "AUTH" as const,
            method: AUTH_METHOD_PSK,
            data: pskAuth(algorithms.prf, psk, input),
          },
        ]
      : signedAuth(key, signedOctets(algorithms.prf, input))),
  ];
  if (configuration !== undefined) payloads.push(configuration);
  if (childless !== true) {
    payloads.push(espOffer(esp, spiIn, undefined));
    payloads.push({ kind: "TSi", selectors: tsI, unknown: 0 });
    payloads.push({ kind: "TSr", selectors: tsR, unknown: 0 });
  }
  if (site.settings.mobike === true) payloads.push(notify(NotifyType.MOBIKE_SUPPORTED));
  if (initialContact) payloads.push(notify(NotifyType.INITIAL_CONTACT));
  return payloads;
}

function isAuthentic(site: Site, auth: Authenticating, payloads: readonly Payload[]): boolean {
  const idR = payloads.find((p): p is IdPayload => p.kind === "IDr");
  const proof = payloadOf(payloads, "AUTH");
  if (idR === undefined || proof === undefined) return false;
  const { algorithms, keys } = auth.secured;
  const input = {
    message: auth.response,
    nonce: auth.Ni,
    SK_p: keys.SK_pr,
    idBody: idR.body,
  };
  if (proof.method !== AUTH_METHOD_PSK) {
    const octets = signedOctets(algorithms.prf, input);
    const certificates = payloads.flatMap((p) => (p.kind === "CERT" ? [p.data] : []));
    const op = { op: "verify", octets, certificates, anchors: TOY_ANCHORS } as const;
    return toySignature({ ...op, method: proof.method, signature: proof.data }).ok;
  }
  return equalOctets(pskAuth(algorithms.prf, site.settings.psk, input), proof.data);
}

function signedAuth(key: SigningKey, octets: Uint8Array): Payload[] {
  const signed = toySignature({ op: "sign", key, octets, hashes: undefined });
  if (!signed.ok || signed.value.op !== "sign") return [];
  const { method, signature } = signed.value;
  const encoding = CertEncoding.X509_SIGNATURE;
  return [
    ...key.certificates.map((data) => ({ kind: "CERT", encoding, data }) as const),
    { kind: "AUTH", method, data: signature },
  ];
}

/** A NAT is on the way: both ends change to the ports of RFC 3948. */
function floatPorts(site: Site): void {
  const { local, remote } = site.path;
  const port = site.settings.natPort;
  site.path = {
    local: { address: local.address, port: local.port === 500 ? 4500 : local.port },
    remote: { address: remote.address, port },
  };
}

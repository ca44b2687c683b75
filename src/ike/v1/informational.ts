/** Informational exchanges of the peer (RFC 2408 §4.8, RFC 2409 §5.7). */

import { equalOctets } from "../../octets/concat.ts";
import { Reader } from "../../octets/reader.ts";
import { asIkeSpi } from "../../wire/header.ts";
import type { NotifyPayload } from "../../wire/v1/message.ts";
import { type DeletePayload, Protocol, type Received } from "../../wire/v1/message.ts";
import { isErrorNotify, NotifyType, notifyName } from "../../wire/v1/notify-type.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import type { Refusal } from "../refusal.ts";
import { okNote } from "./answer.ts";
import { part, withoutChild } from "./close.ts";
import { release } from "./commit-bit.ts";
import { onAcknowledged, onQuestion } from "./dpd.ts";
import type { Established } from "./established-phase.ts";
import { cookieOctets } from "./keys.ts";
import { hasSameSelectors } from "./quick-child.ts";
import { askInNextGroup, giveUp } from "./quick-mode-request.ts";
import { wipeSecrets } from "./secrets.ts";
import type { IkeEffect, Step } from "./step.ts";

/** Its HASH is right: each payload is worked on in turn. */
export function onInformational(
  sa: Established,
  payloads: readonly Received[],
  context: IkeContext,
): Step {
  let at: Established = sa;
  const effects: IkeEffect[] = [];
  for (const payload of payloads) {
    const done = onPayload(at, payload, context);
    effects.push(...done.effects);
    if (done.sa?.phase !== "established") return { sa: done.sa, effects };
    at = done.sa;
  }
  return { sa: at, effects };
}

function onPayload(sa: Established, payload: Received, context: IkeContext): Step {
  if (payload.kind === "DELETE") return onDelete(sa, payload);
  if (payload.kind !== "NOTIFY") return { sa, effects: [] };
  switch (payload.type) {
    case NotifyType.R_U_THERE:
      return onQuestion(sa, payload, context);
    case NotifyType.R_U_THERE_ACK:
      return { sa: onAcknowledged(sa, payload, context.now), effects: [] };
    case NotifyType.CONNECTED:
      return release(sa);
    case NotifyType.INITIAL_CONTACT:
      return onInitialContact(sa);
    default:
      return isErrorNotify(payload.type) ? onError(sa, payload, context) : { sa, effects: [] };
  }
}

/** The site knows nothing of what it had before, wherever in this ISAKMP SA it says so. */
export function onInitialContact(sa: Established): Step {
  const older = sa.children.filter(({ createdAt }) => createdAt < sa.establishedAt);
  let at: Established = sa;
  const effects: IkeEffect[] = [{ kind: "initial-contact" }];
  for (const child of older) {
    const gone = withoutChild(at, child, "replaced-by-newer");
    effects.push(...gone.effects);
    at = gone.sa;
  }
  return { sa: at, effects };
}

/** An error refuses what we have asked for; several requests cannot be told apart. */
function onError(sa: Established, error: NotifyPayload, context: IkeContext): Step {
  const asked = sa.quickModes.find(({ stage }) => stage === "asked");
  const detail = `the site answers ${notifyName(error.type)}`;
  if (asked === undefined || asked.stage !== "asked") {
    const note = { level: "warning", step: STEP, outcome: "note", reason: "peer-refused" } as const;
    return { sa, effects: [{ kind: "note", note: { ...note, detail } }] };
  }
  const refusal: Refusal = { kind: "temporary-failure", detail };
  return error.type === NotifyType.NO_PROPOSAL_CHOSEN
    ? askInNextGroup(sa, asked, refusal, context)
    : giveUp(sa, asked, refusal, context);
}

/** Of this ISAKMP SA, or of IPsec SAs. A sender names its own SPIs; some name ours. */
function onDelete(sa: Established, { protocol, spis }: DeletePayload): Step {
  if (protocol === Protocol.ISAKMP) {
    const own = cookieOctets(sa.id);
    if (spis.some((spi) => equalOctets(spi, own))) return deleted(sa);
    return { sa, effects: spis.slice(0, IKE_SAS_MAX).flatMap(deletedElsewhere) };
  }
  if (protocol !== Protocol.ESP) return { sa, effects: [] };
  let at: Established = sa;
  const effects: IkeEffect[] = [];
  for (const octets of spis.slice(0, SPIS_MAX)) {
    const spi = octets.length === 4 ? new Reader(octets, "SPI").u32() : undefined;
    const child =
      at.children.find(({ spiOut }) => spiOut === spi) ??
      at.children.find(({ spiIn }) => spiIn === spi);
    if (child === undefined) {
      effects.push(...tellHeir(at, spi));
      continue;
    }
    const gone = deletedByPeer(at, child);
    effects.push(...gone.effects);
    at = gone.sa;
  }
  return { sa: at, effects };
}

/**
 * The peer has deleted one of its Child SAs. If there is another for the same packets, the peer may
 * have sent some on the deleted one until now, and these are still accepted.
 */
export function deletedByPeer(
  sa: Established,
  child: ChildSa,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  const isDoubled = sa.children.some((one) => one !== child && hasSameSelectors(one, child));
  const gone = withoutChild(sa, child, isDoubled ? "rekeyed" : "peer-deleted");
  const note = okNote(STEP, "child-deleted", "the site deleted a Child SA");
  return { sa: gone.sa, effects: [...gone.effects, note] };
}

/**
 * It may name a Child SA that a newer ISAKMP SA has taken over meanwhile, or one that an older one
 * still has: SPIs are the site's, not those of an ISAKMP SA.
 */
function tellHeir({ heir }: Established, spi: number | undefined): readonly IkeEffect[] {
  const given = heir?.given ?? [];
  const child =
    given.find(({ spiOut }) => spiOut === spi) ?? given.find(({ spiIn }) => spiIn === spi);
  if (heir === undefined || child === undefined) {
    return spi === undefined ? [] : [{ kind: "child-deleted-elsewhere", spi }];
  }
  const event = { kind: "child-deleted", spiIn: child.spiIn } as const;
  return [{ kind: "tell", to: heir.spi, event }];
}

/** Some devices delete a former ISAKMP SA in the newest one. */
function deletedElsewhere(cookies: Uint8Array): readonly IkeEffect[] {
  if (cookies.length !== 16) return [];
  const r = new Reader(cookies, "cookies");
  return [{ kind: "deleted-elsewhere", spiI: asIkeSpi(r.u64()), spiR: asIkeSpi(r.u64()) }];
}

/** Its Child SAs stay: the peer deletes them by themselves (RFC 2409 §4). */
export function deleted(sa: Established): Step {
  const done = part(sa);
  wipeSecrets(sa);
  return {
    sa: undefined,
    effects: [
      ...done.effects,
      okNote(STEP, "peer-deleted", "the site deleted its ISAKMP SA"),
      { kind: "ended", reason: { kind: "peer-deleted" }, childSasStay: true },
    ],
  };
}

/** More ISAKMP SAs than a site has. */
const IKE_SAS_MAX = 16;
/** More SPIs than a site may have Child SAs. */
const SPIS_MAX = 1_024;

const STEP = "INFORMATIONAL";

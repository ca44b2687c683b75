/** What an IKEv1 site sends: messages that are repeated until their answer comes, and Deletes. */

import { asInstant, later } from "../../src/octets/instant.ts";
import { Writer } from "../../src/octets/writer.ts";
import { type DeletePayload, DOI_IPSEC, Protocol } from "../../src/wire/v1/message.ts";
import type { Copies, Ikev1Session, Ikev1Site } from "./ikev1-site-state.ts";

/** Copies of a message before the site gives up. */
const ATTEMPTS_MAX = 6;
const RETRANSMIT_MS_FIRST = 1_000;
const RETRANSMIT_BACKOFF = 1.8;

/** Sends octets that are repeated until their answer comes. */
export function launch(site: Ikev1Site, octets: Uint8Array): Copies {
  site.out.push({ kind: "send", octets, path: site.path });
  return { octets, attempts: 1, retransmitAt: later(site.now, RETRANSMIT_MS_FIRST) };
}

/** False if it has been sent often enough. */
export function repeat(site: Ikev1Site, sent: Copies): boolean {
  if (sent.retransmitAt > site.now) return true;
  if (sent.attempts >= ATTEMPTS_MAX) return false;
  sent.retransmitAt = asInstant(
    site.now + RETRANSMIT_MS_FIRST * RETRANSMIT_BACKOFF ** sent.attempts,
  );
  sent.attempts++;
  site.out.push({ kind: "send", octets: sent.octets, path: site.path });
  return true;
}

/** Deletes Child SAs at both ends. */
export function deleteChildren(
  site: Ikev1Site,
  { caller }: Ikev1Session,
  spis: readonly number[],
): void {
  const gone = site.children.filter(({ spiIn }) => spis.includes(spiIn));
  site.children = site.children.filter((child) => !gone.includes(child));
  if (gone.length === 0) return;
  const names = gone.map(({ spiIn }) => new Writer(4).u32(spiIn).done());
  const payload = deleteOf(Protocol.ESP, names);
  site.out.push({ kind: "send", octets: caller.inform([payload]), path: site.path });
  for (const { spiIn } of gone) {
    site.out.push({ kind: "child-down", spiIn, why: "deleted by site" });
  }
}

/** Deletes an ISAKMP SA; its Child SAs stay. */
export function deleteSession(site: Ikev1Site, session: Ikev1Session): void {
  const { caller } = session;
  const octets = caller.inform([deleteOf(Protocol.ISAKMP, [caller.cookies()])]);
  site.out.push({ kind: "send", octets, path: site.path });
  site.sessions = site.sessions.filter((one) => one !== session);
}

function deleteOf(protocol: number, spis: readonly Uint8Array[]): DeletePayload {
  return { kind: "DELETE", doi: DOI_IPSEC, protocol, spis };
}

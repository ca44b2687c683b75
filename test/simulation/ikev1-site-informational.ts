/** What the concentrator tells an IKEv1 site: Delete, errors, and whether it is there. */

import { equalOctets } from "../../src/octets/concat.ts";
import { Reader } from "../../src/octets/reader.ts";
import { type DeletePayload, Protocol } from "../../src/wire/v1/message.ts";
import { isErrorNotify, NotifyType } from "../../src/wire/v1/notify-type.ts";
import { aboutIsakmp } from "./ikev1-payloads.ts";
import type { Ikev1Session, Ikev1Site } from "./ikev1-site-state.ts";

/** A message in an ISAKMP SA. */
export function onInformational(site: Ikev1Site, session: Ikev1Session, octets: Uint8Array): void {
  const { caller } = session;
  for (const payload of caller.open(octets).payloads) {
    if (payload.kind === "DELETE") onDelete(site, session, payload);
    if (payload.kind !== "NOTIFY") continue;
    const { type, data } = payload;
    if (type === NotifyType.R_U_THERE) {
      const answer = aboutIsakmp(NotifyType.R_U_THERE_ACK, caller.cookies(), data.slice());
      site.out.push({ kind: "send", octets: caller.inform([answer]), path: site.path });
    } else if (isErrorNotify(type)) {
      // Which of several Quick Modes is meant cannot be told.
      const [messageId] = session.asked.keys();
      if (messageId !== undefined) session.asked.delete(messageId);
      site.out.push({ kind: "refused", asked: "Quick Mode", notify: type });
    }
  }
}

function onDelete(site: Ikev1Site, session: Ikev1Session, payload: DeletePayload): void {
  const why = "deleted by concentrator";
  if (payload.protocol === Protocol.ESP) {
    const spis = payload.spis.map((spi) => new Reader(spi, "SPI").u32());
    const gone = site.children.filter(({ spiOut }) => spis.includes(spiOut));
    site.children = site.children.filter((child) => !gone.includes(child));
    for (const { spiIn } of gone) site.out.push({ kind: "child-down", spiIn, why });
    return;
  }
  const own = session.caller.cookies();
  if (!payload.spis.some((spi) => equalOctets(spi, own))) return;
  site.sessions = site.sessions.filter((one) => one !== session);
  if (site.sessions.length === 0) site.out.push({ kind: "ended", why });
}

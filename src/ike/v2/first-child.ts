/** A first Child SA that cannot be: what the site hears of it in IKE_AUTH (RFC 7296 §1.2). */

import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { Refusal } from "../refusal.ts";
import { notify, notifyFor } from "./notify.ts";
import type { Established } from "./phase.ts";
import { addTask } from "./tasks.ts";

/**
 * The IKE SA stands without it. TEMPORARY_FAILURE would be true, but strongSwan takes it in this
 * exchange for the end of the IKE SA, and does not call again.
 */
export function firstChildNotice(refusal: Refusal): readonly Payload[] {
  const isOurs = refusal.kind === "kernel" || refusal.kind === "spi-in-use";
  if (isOurs) return [notify(NotifyType.NO_ADDITIONAL_SAS)];
  const notice = notifyFor(refusal);
  return notice === undefined ? [] : [notice];
}

/** Where only its SPI was in the way, we ask for the Child SA: the site chooses another one. */
export function askForFirstChild(
  sa: Established,
  refusal: Refusal,
  { local, remote }: Pick<Established["children"][number], "local" | "remote">,
): Established {
  return refusal.kind === "spi-in-use" ? addTask(sa, { kind: "new-child", local, remote }) : sa;
}

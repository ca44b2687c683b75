/** Messages as people read them, shown to those who look at one site closely. */

import type { SaId } from "./sa-id.ts";

/** A message in the clear. */
export type SeenMessage = {
  readonly way: "received" | "sent";
  readonly id: Pick<SaId, "spiI" | "spiR">;
  /** The exchange by its name. */
  readonly exchange: string;
  readonly messageId: number;
  readonly response: boolean;
  /** What is inside, in words; nothing secret is in it. */
  readonly inside: string;
};

/** Told of each message of each IKE SA; undefined where nobody looks: then it costs nothing. */
export type MessageListener = ((message: SeenMessage) => void) | undefined;

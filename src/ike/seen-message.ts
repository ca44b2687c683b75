/** Messages in readable form, for operators who trace one site. */

import type { SaId } from "./sa-id.ts";

/** A message after decryption. */
export type SeenMessage = {
  readonly way: "received" | "sent";
  readonly id: Pick<SaId, "spiI" | "spiR">;
  /** The name of the exchange. */
  readonly exchange: string;
  readonly messageId: number;
  readonly response: boolean;
  /** The payloads in words, without secrets: a text that costs something, made on demand. */
  inside(): string;
};

/** Is called with each message of each IKE SA; undefined, and free, while nobody traces. */
export type MessageListener = ((message: SeenMessage) => void) | undefined;

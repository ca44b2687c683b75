/** Keys of a Child SA, in every version of IKE. */

/** Keys of one direction of a Child SA; `integrity` is empty if the encryption is an AEAD. */
export type EspDirectionKeys = {
  readonly encryption: Uint8Array;
  readonly integrity: Uint8Array;
};

/** `initiator`: the direction from the exchange's initiator to its responder. */
export type EspKeys = {
  readonly initiator: EspDirectionKeys;
  readonly responder: EspDirectionKeys;
};

/** Keys of a Child SA, whatever exchange made them. */

/** Keys of one direction of a Child SA; `integrity` is empty with AEAD. */
export type EspDirectionKeys = {
  readonly encryption: Uint8Array;
  readonly integrity: Uint8Array;
};

/** `initiator`: of the SA from the exchange's initiator to its responder. */
export type EspKeys = {
  readonly initiator: EspDirectionKeys;
  readonly responder: EspDirectionKeys;
};

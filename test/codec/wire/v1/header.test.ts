/** The header of IKEv1: its flags, and names of exchanges and notifies. */

import { expect, test } from "bun:test";
import {
  ExchangeType,
  exchangeName,
  isakmpFlags,
  PHASE_1_MESSAGE_ID,
} from "../../../../src/wire/v1/header.ts";
import { isErrorNotify, NotifyType, notifyName } from "../../../../src/wire/v1/notify-type.ts";
import { emitMessage } from "../../../../src/wire/v1/payload-chain.ts";
import { headerOf } from "./samples.ts";

test("flags: Encryption 1, Commit 2, Authentication Only 4; others mean nothing", () => {
  const flagsOf = (octet: number) => isakmpFlags(new Uint8Array(28).with(19, octet));
  expect(flagsOf(1)).toEqual({ encryption: true, commit: false, authenticationOnly: false });
  expect(flagsOf(2)).toEqual({ encryption: false, commit: true, authenticationOnly: false });
  expect(flagsOf(4)).toEqual({ encryption: false, commit: false, authenticationOnly: true });
  expect(flagsOf(0xf8)).toEqual({ encryption: false, commit: false, authenticationOnly: false });
});

test("the octets of a header", () => {
  const flags = { encryption: true, commit: true, authenticationOnly: false };
  const header = { ...headerOf(ExchangeType.QUICK_MODE, 0xa1b2c3d4), flags };
  expect(emitMessage(header, []).toHex()).toBe(
    "112233445566778899aabbccddeeff0000102003a1b2c3d40000001c",
  );
});

test("names for people", () => {
  expect(PHASE_1_MESSAGE_ID).toBe(0);
  expect(exchangeName(ExchangeType.AGGRESSIVE_MODE)).toBe("Aggressive Mode");
  expect(exchangeName(99)).toBe("exchange type 99");
  expect(notifyName(NotifyType.INVALID_ID_INFORMATION)).toBe("INVALID_ID_INFORMATION");
  expect(notifyName(9_999)).toBe("notify type 9999");
  expect(isErrorNotify(NotifyType.NO_PROPOSAL_CHOSEN)).toBe(true);
  expect(isErrorNotify(NotifyType.CONNECTED)).toBe(false);
});

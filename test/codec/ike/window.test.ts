/** Message IDs before authentication (RFC 7296 §2.2). */

import { expect, test } from "bun:test";
import {
  afterAnswer,
  afterRequest,
  FIRST_MESSAGE_ID,
  NEW_WINDOW,
} from "../../../src/ike/v2/window.ts";

test("each direction counts its own requests, whatever their exchanges", () => {
  expect(NEW_WINDOW).toEqual({ inbound: FIRST_MESSAGE_ID, outbound: FIRST_MESSAGE_ID });
  // IKE_SA_INIT, two further rounds, IKE_AUTH: four requests of the initiator.
  const rounds = [1, 2, 3, 4];
  const initiator = rounds.reduce(afterRequest, NEW_WINDOW);
  const responder = rounds.reduce(afterAnswer, NEW_WINDOW);
  expect(initiator).toEqual({ inbound: 0, outbound: 4 });
  expect(responder).toEqual({ inbound: 4, outbound: 0 });
});

/** Names of exchanges. */

import { expect, test } from "bun:test";
import { ExchangeType, exchangeName } from "../../../src/wire/v2/exchange-type.ts";

test("exchanges are called by their name, or by their number", () => {
  expect(exchangeName(ExchangeType.IKE_SA_INIT)).toBe("IKE_SA_INIT");
  expect(exchangeName(37)).toBe("INFORMATIONAL");
  expect(exchangeName(43)).toBe("IKE_INTERMEDIATE");
  expect(exchangeName(2)).toBe("exchange type 2");
});

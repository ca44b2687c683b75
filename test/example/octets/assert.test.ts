/** Assertions say what broke, and never show the values that they were given. */

import { expect, test } from "bun:test";
import { AssertionError, never } from "../../../src/octets/assert.ts";

/** What the compiler would refuse: a value that no case has handled. */
function unhandled(value: unknown): string {
  try {
    never(value as never);
  } catch (fault) {
    if (fault instanceof AssertionError) return fault.message;
    throw fault;
  }
}

test("an unhandled variant is named by its kind, and nothing of its content is shown", () => {
  const secret = { kind: "new-state", SK_ei: "0123456789abcdef", spi: 7n };
  expect(unhandled(secret)).toBe("unhandled variant: new-state");
  expect(unhandled({ phase: "awaiting-auth", keys: "k" })).toBe("unhandled variant: awaiting-auth");
  expect(unhandled({ SK_ei: "k" })).toBe("unhandled variant: an object without kind and phase");
});

test("an unhandled value that is no object is named too, a bigint among them", () => {
  expect(unhandled("dynamic")).toBe("unhandled variant: dynamic");
  expect(unhandled(7n)).toBe("unhandled variant: bigint");
  expect(unhandled(undefined)).toBe("unhandled variant: undefined");
});

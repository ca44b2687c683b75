/** The test ground itself: a kernel with ESP, and two strongSwans with a tunnel through it. */

import { expect, test } from "bun:test";
import { $ } from "bun";

test("the kernel takes an ESP state", async () => {
  const state =
    "src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode tunnel aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128".split(
      " ",
    );
  await $`ip xfrm state add ${state}`.quiet();
  const shown = await $`ip xfrm state`.text();
  await $`ip xfrm state flush`.quiet();
  expect(shown).toContain("0x00001001");
});

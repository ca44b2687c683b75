/**
 * Loaded before erouted's sources: libreswan 5.2 has PPKs in IKE_INTERMEDIATE, with the numbers
 * that the notifies had before they were registered (RFC 9867).
 */

import { plugin } from "bun";

const NUMBERS = [
  ["USE_PPK_INT: 16445", "USE_PPK_INT: 50209"],
  ["PPK_IDENTITY_KEY: 16446", "PPK_IDENTITY_KEY: 50208"],
] as const;

plugin({
  name: "provisional numbers",
  setup(build) {
    build.onLoad({ filter: /src\/wire\/v2\/notify-type\.ts$/ }, async ({ path }) => {
      let contents = await Bun.file(path).text();
      for (const [registered, provisional] of NUMBERS) {
        if (!contents.includes(registered)) throw new Error(`${path} has no ${registered}`);
        contents = contents.replace(registered, provisional);
      }
      return { contents, loader: "ts" };
    });
  },
});

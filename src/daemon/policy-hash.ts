/** Which policies the kernel finds by hash: as configured from start to end, then as before. */

import type { Config } from "../config/config.ts";
import type { Family } from "../inet/address.ts";
import { hashPolicies } from "../linux/policy-hash.ts";
import { formatHashLengths, type HashLengths, UNSET_HASH_LENGTHS } from "../xfrm/policy-hash.ts";
import type { Daemon } from "./daemon.ts";

/** Before the first policy: the kernel sorts all of them anew. */
export function hashPoliciesOf({ config, note }: Pick<Daemon, "config" | "note">): void {
  for (const [family, wanted] of configured(config)) {
    const done = hashPolicies(family, wanted);
    const ours = `IPv${family}: ${formatHashLengths(wanted)}`;
    if (!done.ok) {
      note({ level: "warning", reason: "policy-hash", detail: `${ours}: ${done.error}` });
    } else if (done.value.kind === "others") {
      const found = formatHashLengths(done.value.found);
      const detail = `${ours} is not set: another program has set ${found}`;
      note({ level: "info", reason: "policy-hash", detail });
    }
  }
}

/** What somebody else has set in the meantime stays. */
export function unhashPolicies(config: Config): void {
  for (const [family, ours] of configured(config)) {
    hashPolicies(family, UNSET_HASH_LENGTHS[family], ours);
  }
}

/** A site's policies have one remote subnet, and local ones of any length. */
function configured({ policyHash }: Config): readonly (readonly [Family, HashLengths])[] {
  return ([4, 6] as const).flatMap((family) => {
    const remote = policyHash[family];
    return remote === undefined ? [] : [[family, { local: 0, remote }] as const];
  });
}

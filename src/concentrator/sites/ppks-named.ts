/** The PPKs that a site proposes before it says who it is (RFC 9867). */

import { usersWithPpk } from "../../eroute/ppk-index.ts";
import type { PpkCredential } from "../../ike/credentials.ts";
import type { Engine } from "../engine.ts";

/** Those of local users with one of these PPK_IDs (without their type), as copies. */
export function ppksNamed({ plan }: Engine, ids: readonly Uint8Array[]): readonly PpkCredential[] {
  return ids.flatMap((id) =>
    usersWithPpk(plan, id).flatMap(({ ppk }) =>
      // Whether it has to be used is decided once the site's eroute is known.
      ppk === undefined ? [] : [{ id: ppk.id, key: ppk.key.slice(), isRequired: false }],
    ),
  );
}

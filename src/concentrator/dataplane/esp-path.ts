/** Where ESP in UDP goes: never to IKE's own port, where it is not accepted (RFC 7296 §2.23). */

import type { IkeSaFacts } from "../../ike/facts.ts";
import { equalAddress } from "../../inet/address.ts";
import type { Path } from "../../inet/endpoint.ts";
import type { Engine } from "../engine.ts";
import { installedAt } from "./child-sas.ts";

/**
 * The path of an IKE SA's ESP in UDP: that of IKE once that uses the NAT port; else `known`, the
 * last one, if it has the same addresses; else the usual port, until the first packet of the site
 * shows the port that its NAT uses (XFRM_MSG_MAPPING).
 */
export function espPath(
  { path, natPort }: Pick<IkeSaFacts, "path" | "natPort">,
  known: Path | undefined,
): Path {
  if (path.local.port === natPort) return path;
  const { local, remote } = path;
  const isKnown =
    known !== undefined &&
    equalAddress(known.local.address, local.address) &&
    equalAddress(known.remote.address, remote.address);
  if (isKnown) return known;
  return {
    local: { address: local.address, port: natPort },
    remote: { address: remote.address, port: natPort },
  };
}

/** The same for an IKE SA whose Child SAs may know where they go. */
export function currentEspPath(engine: Engine, ike: IkeSaFacts): Path {
  const first = ike.children[0];
  const known = first === undefined ? undefined : installedAt(engine, first.spiIn);
  return espPath(ike, known?.place.path);
}

/** @jsxImportSource hono/jsx */
/** The table of dynamic eroutes: a row for each site, with its SAs and what they carried (R8). */

import { raw } from "hono/html";
import type { FC } from "hono/jsx";
import type { ChildSaView, ErouteView, IkeSaView } from "../../concentrator/snapshot.ts";
import { spi32Hex } from "../../octets/hex.ts";
import { formatOctets } from "../../octets/octet-amount.ts";
import { isPostQuantum } from "../../why/algorithm-filter.ts";
import { newestIkeSa } from "../lists/eroutes.ts";
import { inTurns } from "../lists/turns.ts";
import { sitePath } from "../paths.ts";
import type { StateUse, StateUses, StatusSource } from "../source.ts";
import { formatCount } from "./number-text.ts";
import { TimeText } from "./time-text.tsx";

/** Rows that are made in one turn of the event loop. */
const ROWS_PER_TURN = 20;

export type TunnelTableProps = {
  readonly caption: string;
  readonly views: readonly ErouteView[];
  readonly source: StatusSource;
  readonly uses: StateUses;
};

const HEADS = [
  "Remote peer ID",
  "Base eroute",
  "Remote subnet",
  "Peer address",
  "State",
  "Since (UTC)",
  "IKE SA",
  "Child SAs",
];

/** The table; it takes a turn of the event loop for every few rows. */
export async function tunnelTable({ caption, views, source, uses }: TunnelTableProps) {
  const rows = await inTurns(views, ROWS_PER_TURN, (view) =>
    String(<TunnelRow view={view} createdWallMs={source.wallMs(view.createdAt)} uses={uses} />),
  );
  return (
    <table class="tunnels">
      <caption>{caption}</caption>
      <thead>
        <tr>
          {HEADS.map((head) => (
            <th scope="col">{head}</th>
          ))}
        </tr>
      </thead>
      <tbody>{raw(rows.join(""))}</tbody>
    </table>
  );
}

const STATE_CLASSES: Readonly<Record<ErouteView["state"], string>> = {
  established: "whole ok",
  negotiating: "whole warn",
  closing: "whole dim",
};

type RowProps = { view: ErouteView; createdWallMs: number; uses: StateUses };

const TunnelRow: FC<RowProps> = ({ view, createdWallMs, uses }) => {
  const ike = newestIkeSa(view);
  return (
    <tr>
      <th scope="row">
        <a href={sitePath(view.peerId)}>
          <bdi>{view.peerId}</bdi>
        </a>
      </th>
      <td data-label="Base eroute">{view.baseEroute}</td>
      <td data-label="Remote subnet" class="address">
        {view.remoteSubnets.join(", ")}
      </td>
      <td data-label="Peer address" class="address">
        {view.peerAddress === "" ? "-" : view.peerAddress}
        {ike !== undefined && ike.nat !== "none" && <span class="dim line">{NAT[ike.nat]}</span>}
      </td>
      <td data-label="State" class={isBare(view) ? "whole bad" : STATE_CLASSES[view.state]}>
        {view.state}
        {isBare(view) && <span class="line">no Child SA</span>}
      </td>
      <td data-label="Since (UTC)">
        <TimeText wallMs={createdWallMs} />
      </td>
      <td data-label="IKE SA" class="mono">
        {ike === undefined ? "-" : raw(breakable(ike.algorithms))}
        {ike !== undefined && isPostQuantum(ike.algorithms) && (
          <span class="dim line">post-quantum</span>
        )}
        {ike?.version === 1 && <span class="warn line">IKEv1</span>}
        {ike?.ppk === true && <span class="dim line">with a PPK</span>}
        {view.ikeSas.length > 1 && <span class="dim line">being rekeyed</span>}
      </td>
      <td data-label="Child SAs">
        {view.childSas.length === 0 && <span class="warn">none</span>}
        {view.childSas.map((child) => (
          <ChildLines child={child} uses={uses} />
        ))}
      </td>
    </tr>
  );
};

/** An IKE SA alone carries no packets. */
function isBare({ state, childSas }: ErouteView): boolean {
  return state === "established" && childSas.length === 0;
}

const NAT: Readonly<Record<IkeSaView["nat"], string>> = {
  none: "",
  local: "we are behind NAT",
  remote: "behind NAT",
  both: "NAT at both ends",
};

const ChildLines: FC<{ child: ChildSaView; uses: StateUses }> = ({ child, uses }) => {
  const inbound = uses.of(child.localAddress, child.spiIn);
  const outbound = uses.of(child.remoteAddress, child.spiOut);
  return (
    <div class="child">
      <div class="line">
        in <span class="mono">{spi32Hex(child.spiIn)}</span> {raw(useHtml(inbound))}
      </div>
      <div class="line">
        out <span class="mono">{spi32Hex(child.spiOut)}</span> {raw(useHtml(outbound))}
      </div>
      <div class="line mono dim">
        {raw(breakable(child.algorithms))}
        {child.udpEncapsulation ? " in UDP" : ""}
      </div>
    </div>
  );
};

/** `1.0 MB, 1,000 pkts`, HTML made from numbers; empty if the kernel has no counters. */
function useHtml(use: StateUse | undefined): string {
  if (use === undefined) return "";
  const packets = `${formatCount(use.packets)} pkts`;
  return `${formatOctets(use.octets)}, <span class="whole">${packets}</span>`;
}

/** Names of algorithms are ours, so this is HTML: lines may be broken behind a slash. */
function breakable(algorithms: string): string {
  return algorithms.replace(/[^\w/]/g, "").replaceAll("/", "/<wbr>");
}

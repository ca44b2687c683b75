/** @jsxImportSource hono/jsx */
/** Status > IPsec > Peers: the rows of a table, with the state of each site. */

import type { FC } from "hono/jsx";
import { overlapText } from "../../why/explain-overlap.ts";
import { PEER_STATES, type PeersPage, type PeersWanted, type PeerView } from "../lists/peers.ts";
import { PEERS_PATH, sitePath } from "../paths.ts";
import type { StatusSource } from "../source.ts";
import { Document, documentText } from "./document.tsx";
import { Choice } from "./list-controls.tsx";
import { Banners, Foot } from "./page-parts.tsx";

const HEADS = ["Peer ID", "State", "Subnets", "Mask", "Called at", "Key"];

/** The text of the whole page; `fault` is what the database said instead of rows. */
export function peersPageText(
  source: StatusSource,
  wanted: PeersWanted,
  page: PeersPage | { readonly fault: string },
): string {
  return documentText(
    <Document title="Peers" path={PEERS_PATH} live>
      <main id="main">
        <h1>Peers</h1>
        <div data-live="banners">
          <Banners source={source} />
        </div>
        <Forms wanted={wanted} egroups={source.facts.egroups} />
        <div data-live="list">
          {"fault" in page ? (
            <p class="banner" role="alert">
              {page.fault}
            </p>
          ) : (
            <List wanted={wanted} page={page} />
          )}
        </div>
      </main>
      <Foot source={source} json={[["/api/v1/peers", "Peers as JSON"]]} />
    </Document>,
  );
}

const Forms: FC<{ wanted: PeersWanted; egroups: readonly string[] }> = ({ wanted, egroups }) => (
  <form class="search" method="get">
    <label for="egroup">
      <span>Egroup</span>
      <select name="egroup" id="egroup">
        {egroups.map((name) => (
          <option value={name} {...(name === wanted.egroup ? { selected: true } : {})}>
            {name}
          </option>
        ))}
      </select>
    </label>
    <label>
      <span>Search</span>
      <input type="search" name="q" value={wanted.text ?? ""} maxlength={256} />
    </label>
    <label for="peer_state">
      <span>State</span>
      <Choice name="peer_state" chosen={wanted.state} of={PEER_STATES.map((s) => [s, s])} />
    </label>
    <label>
      <span>After this ID</span>
      <input type="search" name="after_peer" value={wanted.after ?? ""} maxlength={256} />
    </label>
    <button type="submit">Show</button>
  </form>
);

const List: FC<{ wanted: PeersWanted; page: PeersPage }> = ({ wanted, page }) => {
  const { peers, next } = page;
  return (
    <>
      {peers.length > 0 ? <Table wanted={wanted} peers={peers} /> : <p>{absenceText(wanted)}</p>}
      {next !== undefined && (
        <nav class="pages" aria-label="Pages">
          <a href={nextHref(wanted, next)} rel="next">
            Next
          </a>
        </nav>
      )}
    </>
  );
};

function absenceText({ after, text, state }: PeersWanted): string {
  const what = text === undefined && state === undefined ? "There is no row" : "No row matches";
  return `${what}${after === undefined ? "" : ` behind ${after}`}.`;
}

function nextHref({ egroup, text, state }: PeersWanted, next: string): string {
  const parameters = new URLSearchParams({ egroup });
  if (text !== undefined) parameters.set("q", text);
  if (state !== undefined) parameters.set("peer_state", state);
  parameters.set("after_peer", next);
  return `?${parameters}`;
}

const Table: FC<{ wanted: PeersWanted; peers: readonly PeerView[] }> = ({ wanted, peers }) => (
  <table>
    <caption>Rows of egroup {wanted.egroup}, in order of their IDs</caption>
    <thead>
      <tr>
        {HEADS.map((head) => (
          <th scope="col">{head}</th>
        ))}
      </tr>
    </thead>
    <tbody>
      {peers.map((peer) => (
        <Row peer={peer} />
      ))}
    </tbody>
  </table>
);

const STATE_CLASSES: Readonly<Record<PeerView["state"], string>> = {
  connected: "ok",
  negotiating: "warn",
  calling: "warn",
  "not connected": "bad",
  disabled: "dim",
  "never seen": "bad",
};

const Row: FC<{ peer: PeerView }> = ({ peer: { row, state } }) => (
  <tr>
    <th scope="row">
      <a href={sitePath(row.peerid)}>
        <bdi>{row.peerid}</bdi>
      </a>
    </th>
    <td data-label="State" class={STATE_CLASSES[state]}>
      {state}
    </td>
    <td data-label="Subnets">
      {row.remip ?? "-"}
      {row.overlaps.map((view) => (
        <span class={`line ${view.kind === "same" ? "warn" : "dim"}`}>
          {overlapText(row.peerid, view)}
        </span>
      ))}
    </td>
    <td data-label="Mask">{row.remmsk ?? "-"}</td>
    <td data-label="Called at">
      {[row.peerip, row.bakpeerip].filter((host) => host !== null && host !== "").join(", ") || "-"}
    </td>
    <td data-label="Key" class={row.hasPassword ? "" : "bad"}>
      {row.hasPassword ? "set" : "missing"}
      {row.hasPpk && <span class="dim line">with a PPK</span>}
    </td>
  </tr>
);

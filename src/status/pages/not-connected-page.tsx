/** @jsxImportSource hono/jsx */
/**
 * Status > IPsec > Not connected: sites that tried and failed, and sites that were connected
 * before.
 */

import { fleetOf, fleetText } from "../fleet.ts";
import {
  LAST_KINDS,
  listNotConnected,
  type NotConnectedList,
  type NotConnectedQuery,
  WHO_KINDS,
} from "../lists/not-connected.ts";
import { NOT_CONNECTED_PATH, PEERS_PATH } from "../paths.ts";
import type { StatusSource } from "../source.ts";
import { Document, documentText } from "./document.tsx";
import { Algorithm, Choice, Pages } from "./list-controls.tsx";
import { NotConnectedTable } from "./not-connected-table.tsx";
import { formatCount } from "./number-text.ts";
import { Banners, Figures, Foot } from "./page-parts.tsx";

const PAGE_ROWS = 100;

/** The text of the whole page; `page` counts from 1. */
export async function notConnectedPage(
  source: StatusSource,
  query: NotConnectedQuery,
  page: number,
): Promise<string> {
  const offset = (page - 1) * PAGE_ROWS;
  const list = await listNotConnected(source, query, { offset, limit: PAGE_ROWS });
  const { failed, ended, disabled, strangers } = list.counts;
  const fleet = fleetOf(source, list.counts);
  return documentText(
    <Document title="Not connected" path={NOT_CONNECTED_PATH} live>
      <main id="main">
        <h1>Not connected</h1>
        <div data-live="figures">
          <Banners source={source} />
          <Figures
            of={[
              ["Sites that failed", formatCount(failed)],
              ["Sites that were connected", formatCount(ended)],
              ["Disabled sites that call", formatCount(disabled)],
              ...(fleet === undefined
                ? []
                : ([["Never seen since the start", formatCount(fleet.neverSeen)]] as const)),
              ["Strangers", formatCount(strangers)],
            ]}
          />
        </div>
        <Form query={query} />
        <div data-live="list">{listPart(list, query, page)}</div>
        <p class="dim">
          {fleet === undefined ? "" : `${fleetText(fleet)}. `}Sites that have never called are
          listed under <a href={`${PEERS_PATH}?peer_state=never+seen`}>rows never seen</a>.
        </p>
      </main>
      <Foot source={source} json={[["/api/v1/not-connected", "This page as JSON"]]} />
    </Document>,
  );
}

function listPart({ sites, total }: NotConnectedList, query: NotConnectedQuery, page: number) {
  const pages = Math.max(1, Math.ceil(total / PAGE_ROWS));
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  const none = isFiltered ? "No site matches." : "None: every site that called is connected.";
  const caption = `${formatCount(total)}: sites before strangers, the latest first`;
  return (
    <>
      {sites.length > 0 ? (
        <NotConnectedTable sites={sites} caption={caption} />
      ) : (
        <p>{total > 0 ? `There is no page ${page}.` : none}</p>
      )}
      <Pages page={page} pages={pages} href={(to) => hrefOf(query, to)} />
    </>
  );
}

function hrefOf({ text, last, who, offers }: NotConnectedQuery, page: number): string {
  const given = Object.entries({ q: text, last, who, offers: offers?.word }).filter(
    ([, value]) => value !== undefined,
  );
  return `?${new URLSearchParams([...(given as [string, string][]), ["page", String(page)]])}`;
}

const LAST_NAMES = { failed: "failed", ended: "was connected" } as const;

const Form = ({ query }: { readonly query: NotConnectedQuery }) => (
  <form class="search" method="get">
    <label>
      <span>Search</span>
      <input type="search" name="q" value={query.text ?? ""} maxlength={256} />
    </label>
    <label for="last">
      <span>Last</span>
      <Choice name="last" chosen={query.last} of={LAST_KINDS.map((k) => [k, LAST_NAMES[k]])} />
    </label>
    <label for="who">
      <span>Who</span>
      <Choice name="who" chosen={query.who} of={WHO_KINDS.map((kind) => [kind, kind])} />
    </label>
    <Algorithm name="offers" caption="Offers algorithm" filter={query.offers} />
    <button type="submit">Show</button>
  </form>
);

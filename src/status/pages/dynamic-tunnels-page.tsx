/** @jsxImportSource hono/jsx */
/** Status > IPsec > Dynamic Tunnels (R8), and Eroutes: readable without a script, on a phone. */

import { type ErouteList, type ErouteQuery, isFiltered, listEroutes } from "../lists/eroutes.ts";
import { EVERYBODY, listNotConnected, type NotConnectedList } from "../lists/not-connected.ts";
import { EROUTES_PATH, NOT_CONNECTED_PATH, TUNNELS_PATH } from "../paths.ts";
import type { StatusSource } from "../source.ts";
import { Document, documentText } from "./document.tsx";
import { listHref, Pages, SearchForm } from "./list-controls.tsx";
import { NotConnectedTable } from "./not-connected-table.tsx";
import { formatCount } from "./number-text.ts";
import { Banners, Foot, GaugeFigures } from "./page-parts.tsx";
import { tunnelTable } from "./tunnel-table.tsx";

const PAGE_ROWS = 100;
/** The most sites that are shown below the list as not connected. */
const OTHERS_MAX = 20;

/** The text of the whole page of dynamic tunnels; `page` counts from 1. */
export async function dynamicTunnelsPage(
  source: StatusSource,
  query: ErouteQuery,
  page: number,
): Promise<string> {
  const others = await listNotConnected(source, EVERYBODY, { offset: 0, limit: OTHERS_MAX });
  const list = await listPart(source, query, page);
  return documentText(
    <Document title="Dynamic Tunnels" path={TUNNELS_PATH} live>
      <main id="main">
        <h1>Dynamic Tunnels</h1>
        <div data-live="figures">
          <Banners source={source} />
          <GaugeFigures gauges={source.snapshot().gauges} />
          <OthersText of={others} />
        </div>
        <SearchForm query={query} eroutes={source.facts.eroutes} />
        <div data-live="list">{list}</div>
        <h2>Not connected</h2>
        <div data-live="others">
          {others.total > 0 ? (
            <NotConnectedTable sites={others.sites} caption="Sites first, the latest first" />
          ) : (
            <p>None: every site that called is connected.</p>
          )}
          {others.total > OTHERS_MAX && (
            <p>
              <a href={NOT_CONNECTED_PATH}>All {formatCount(others.total)}</a>
            </p>
          )}
        </div>
      </main>
      <Foot
        source={source}
        json={[
          ["/api/v1/dynamic-eroutes", "Dynamic eroutes as JSON"],
          ["/api/v1/events", "Events"],
        ]}
      />
    </Document>,
  );
}

/** How many sites the list above lacks. */
const OthersText = ({ of: { counts } }: { readonly of: NotConnectedList }) => {
  const { failed, ended } = counts;
  if (failed + ended === 0) return null;
  const texts = [
    ...(failed > 0 ? [`${formatCount(failed)} failed to connect`] : []),
    ...(ended > 0 ? [`${formatCount(ended)} ${ended === 1 ? "was" : "were"} connected`] : []),
  ];
  return (
    <p>
      <a href={NOT_CONNECTED_PATH}>Not connected</a>: {texts.join(", ")}
    </p>
  );
};

/** The text of the page of all eroutes in use, normal ones too. */
export async function eroutesPage(
  source: StatusSource,
  query: ErouteQuery,
  page: number,
): Promise<string> {
  const list = await listPart(source, query, page);
  return documentText(
    <Document title="Eroutes" path={EROUTES_PATH} live>
      <main id="main">
        <h1>Eroutes</h1>
        <div data-live="figures">
          <Banners source={source} />
          <GaugeFigures gauges={source.snapshot().gauges} />
        </div>
        <SearchForm query={query} eroutes={source.facts.eroutes} />
        <div data-live="list">{list}</div>
      </main>
      <Foot source={source} json={[["/api/v1/eroutes", "Eroutes as JSON"]]} />
    </Document>,
  );
}

/** The table with links to other pages, or why it is empty. */
async function listPart(source: StatusSource, query: ErouteQuery, page: number) {
  const from = (page - 1) * PAGE_ROWS;
  const list = await listEroutes(source, query, { offset: from, limit: PAGE_ROWS });
  const { views, total } = list;
  const uses = await source.usesOf(views);
  const caption = captionText(list, query, from + 1);
  const table = await tunnelTable({ caption, views, source, uses });
  const pages = Math.max(1, Math.ceil(total / PAGE_ROWS));
  return (
    <>
      {views.length > 0 ? table : <p>{absenceText(list, query, page)}</p>}
      <Pages page={page} pages={pages} href={(to) => listHref(query, to)} />
    </>
  );
}

function captionText({ views, total }: ErouteList, query: ErouteQuery, first: number): string {
  const what = query.kind === "dynamic" ? "dynamic eroutes" : "eroutes";
  const order = query.sort === undefined ? ", oldest first" : "";
  const found = isFiltered(query) ? " that match" : "";
  if (views.length >= total) return `All ${what}${found}${order}`;
  const range = `${formatCount(first)} to ${formatCount(first + views.length - 1)}`;
  const name = `${what.charAt(0).toUpperCase()}${what.slice(1)}`;
  return `${name} ${range} of ${formatCount(total)}${found}${order}`;
}

function absenceText({ total }: ErouteList, query: ErouteQuery, page: number): string {
  if (total > 0) return `There is no page ${page}.`;
  return isFiltered(query) ? "No connected site matches." : "No site is connected.";
}

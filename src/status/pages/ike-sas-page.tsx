/** @jsxImportSource hono/jsx */
/** Status > IPsec > IKE SAs: each with its ends, its algorithms and its age. */

import { raw } from "hono/html";
import type { FC } from "hono/jsx";
import type { ErouteView, IkeSaView } from "../../concentrator/snapshot.ts";
import { type ErouteQuery, listEroutes } from "../lists/eroutes.ts";
import { inTurns } from "../lists/turns.ts";
import { IKE_SAS_PATH, sitePath } from "../paths.ts";
import type { StatusSource } from "../source.ts";
import { Document, documentText } from "./document.tsx";
import { listHref, Pages, SearchForm } from "./list-controls.tsx";
import { formatCount } from "./number-text.ts";
import { Banners, Foot } from "./page-parts.tsx";
import { TimeText } from "./time-text.tsx";

const PAGE_ROWS = 100;
const ROWS_PER_TURN = 20;
const HEADS = [
  "Site",
  "State",
  "Our role",
  "Our end, and theirs",
  "NAT",
  "Algorithms",
  "SPIs",
  "Since (UTC)",
];

/** The text of the whole page: a page of eroutes, with the IKE SAs of each. */
export async function ikeSasPage(
  source: StatusSource,
  query: ErouteQuery,
  page: number,
): Promise<string> {
  const bounds = { offset: (page - 1) * PAGE_ROWS, limit: PAGE_ROWS };
  const { total, views } = await listEroutes(source, query, bounds);
  const rows = await inTurns(views, ROWS_PER_TURN, (view) =>
    view.ikeSas.map((sa) => String(<Row view={view} sa={sa} source={source} />)).join(""),
  );
  const pages = Math.max(1, Math.ceil(total / PAGE_ROWS));
  const { ikeSas, halfOpenIkeSas } = source.snapshot().gauges;
  return documentText(
    <Document title="IKE SAs" path={IKE_SAS_PATH} live>
      <main id="main">
        <h1>IKE SAs</h1>
        <div data-live="figures">
          <Banners source={source} />
          <p>
            {formatCount(ikeSas)} authenticated, {formatCount(halfOpenIkeSas)} half-open.
          </p>
        </div>
        <SearchForm query={query} eroutes={source.facts.eroutes} />
        <div data-live="list">
          {rows.join("") === "" ? (
            <p>No IKE SA matches.</p>
          ) : (
            <table class="tunnels">
              <caption>IKE SAs of {formatCount(total)} eroutes, page by page</caption>
              <thead>
                <tr>
                  {HEADS.map((head) => (
                    <th scope="col">{head}</th>
                  ))}
                </tr>
              </thead>
              <tbody>{raw(rows.join(""))}</tbody>
            </table>
          )}
          <Pages page={page} pages={pages} href={(to) => listHref(query, to)} />
        </div>
      </main>
      <Foot source={source} json={[["/api/v1/eroutes", "Eroutes as JSON"]]} />
    </Document>,
  );
}

type RowProps = { view: ErouteView; sa: IkeSaView; source: StatusSource };

const Row: FC<RowProps> = ({ view, sa, source }) => (
  <tr>
    <th scope="row">
      <a href={sitePath(view.peerId)}>
        <bdi>{view.peerId}</bdi>
      </a>
    </th>
    <td data-label="State">{view.state}</td>
    <td data-label="Our role">{sa.role}</td>
    <td data-label="Ends" class="address">
      <span class="line">{sa.localEndpoint}</span>
      <span class="line">{sa.remoteEndpoint}</span>
    </td>
    <td data-label="NAT">{sa.nat}</td>
    <td data-label="Algorithms" class="mono">
      {raw(sa.algorithms.replace(/[^\w/]/g, "").replaceAll("/", "/<wbr>"))}
      {sa.version === 1 && <span class="warn line">IKEv1</span>}
      {sa.ppk && <span class="dim line">with a PPK</span>}
      {sa.downgradePrevention && <span class="dim line">downgrade prevention</span>}
    </td>
    <td data-label="SPIs" class="mono">
      <span class="line">{sa.spiI}</span>
      <span class="line">{sa.spiR}</span>
    </td>
    <td data-label="Since (UTC)">
      <TimeText wallMs={source.wallMs(sa.establishedAt)} />
    </td>
  </tr>
);

/** @jsxImportSource hono/jsx */
/** The page Status > IPsec > Dynamic Tunnels (R8); readable without JavaScript, and on a phone. */

import type { FC } from "hono/jsx";
import type { Gauges } from "../concentrator/snapshot.ts";
import { Document, documentText } from "./document.tsx";
import { failedAttempts } from "./failed-attempts.ts";
import { FailedAttemptsTable } from "./failed-attempts-table.tsx";
import { formatCount } from "./number-text.ts";
import type { StatusSource } from "./source.ts";
import { TimeText } from "./time-text.tsx";
import { tunnelTable } from "./tunnel-table.tsx";
import { NO_DATAPLANE } from "./views.ts";

const PAGE_ROWS = 100;
/** Failed attempts that the page shows. */
const ATTEMPTS_MAX = 20;
/** Records that are searched for them. */
const RECORDS_MAX = 1000;

/** The text of the whole page; `page` counts from 1. */
export async function dynamicTunnelsPage(source: StatusSource, page: number): Promise<string> {
  const uses = await source.stateUses();
  const snapshot = source.snapshot();
  const { gauges } = snapshot;
  const attempts = failedAttempts(source.events(RECORDS_MAX), ATTEMPTS_MAX);
  const views = snapshot.eroutes((page - 1) * PAGE_ROWS, PAGE_ROWS, "dynamic");
  const caption = captionText((page - 1) * PAGE_ROWS + 1, views.length, gauges.dynamicEroutes);
  const table = await tunnelTable({ caption, views, source, uses });
  return documentText(
    <Document title="Dynamic Tunnels">
      <main>
        <h1>Dynamic Tunnels</h1>
        <Banners source={source} />
        <Figures gauges={gauges} />
        {views.length > 0 ? table : <p>{absenceText(page, gauges.dynamicEroutes)}</p>}
        <Pages page={page} pages={Math.max(1, Math.ceil(gauges.dynamicEroutes / PAGE_ROWS))} />
        <h2>Sites that did not get in</h2>
        {attempts.length > 0 ? (
          <FailedAttemptsTable attempts={attempts} />
        ) : (
          <p>None of the last {formatCount(RECORDS_MAX)} events is a failed attempt.</p>
        )}
      </main>
      <Foot source={source} />
    </Document>,
  );
}

const Banners: FC<{ source: StatusSource }> = ({ source }) => (
  <>
    {source.facts.dataplane === "none" && (
      <p class="banner" role="note">
        <strong>No packets are carried:</strong> {NO_DATAPLANE}.
      </p>
    )}
    {source.problems().map((text) => (
      <p class="banner" role="alert">
        {text}
      </p>
    ))}
  </>
);

const Figures: FC<{ gauges: Gauges }> = ({ gauges }) => {
  const { dynamicEroutes, dynamicEroutesMax } = gauges;
  const figures: readonly (readonly [string, string])[] = [
    ["Dynamic eroutes", `${formatCount(dynamicEroutes)} of ${formatCount(dynamicEroutesMax)}`],
    ["Normal eroutes up", formatCount(gauges.normalEroutesUp)],
    ["IKE SAs", formatCount(gauges.ikeSas)],
    ["Half-open", formatCount(gauges.halfOpenIkeSas)],
    ["Child SAs", formatCount(gauges.childSas)],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
};

const Pages: FC<{ page: number; pages: number }> = ({ page, pages }) => {
  if (pages === 1 && page === 1) return null;
  return (
    <nav class="pages" aria-label="Pages">
      {page > 1 && (
        <a href={`?page=${Math.min(page - 1, pages)}`} rel="prev">
          Previous
        </a>
      )}
      <span>
        Page {page} of {pages}
      </span>
      {page < pages && (
        <a href={`?page=${page + 1}`} rel="next">
          Next
        </a>
      )}
    </nav>
  );
};

const Foot: FC<{ source: StatusSource }> = ({ source }) => (
  <footer class="dim">
    <span class="whole">erouted {source.facts.version}</span>, as of{" "}
    <TimeText wallMs={source.wallMsNow()} /> UTC
    <span class="line">
      <a href="/api/v1/dynamic-eroutes">Dynamic eroutes as JSON</a> ·{" "}
      <a href="/api/v1/events">Events</a> · <a href="/metrics">Metrics</a>
    </span>
  </footer>
);

function captionText(first: number, shown: number, total: number): string {
  if (shown >= total) return "All dynamic eroutes, oldest first";
  const last = first + shown - 1;
  return `Dynamic eroutes ${formatCount(first)} to ${formatCount(last)}, oldest first`;
}

function absenceText(page: number, total: number): string {
  return total === 0 ? "No site is connected." : `There is no page ${page}.`;
}

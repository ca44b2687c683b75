/** @jsxImportSource hono/jsx */
/** The page Status > IPsec > Dynamic Tunnels (R8); readable without JavaScript, and on a phone. */

import type { FC } from "hono/jsx";
import type { JournalRecord } from "../concentrator/journal.ts";
import type { ChildSaView, ErouteView } from "../concentrator/snapshot.ts";
import { spi32Hex } from "../octets/hex.ts";
import { formatOctets } from "./octets-text.ts";
import { type StateUses, type StatusSource, stateKey } from "./source.ts";
import { NO_DATAPLANE } from "./views.ts";

/** Failed attempts that the page shows, newest first. */
const FAILURES_MAX = 20;
/** Records that are searched for them. */
const RECORDS_MAX = 1000;

export type PageProps = {
  readonly source: StatusSource;
  readonly uses: StateUses;
  readonly page: number;
  readonly pageRows: number;
};

/** The whole document. */
export const DynamicTunnelsPage: FC<PageProps> = ({ source, uses, page, pageRows }) => {
  const snapshot = source.snapshot();
  const views = snapshot.eroutes((page - 1) * pageRows, pageRows);
  const pages = Math.max(1, Math.ceil(snapshot.erouteCount / pageRows));
  const failures = source
    .events(RECORDS_MAX)
    .filter(({ outcome }) => outcome === "failed")
    .reverse();
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Dynamic Tunnels - erouted</title>
        <link rel="stylesheet" href="/status/style.css" />
        <link rel="icon" href="data:," />
      </head>
      <body>
        <nav aria-label="Place">Status › IPsec › Dynamic Tunnels</nav>
        <main>
          <h1>Dynamic Tunnels</h1>
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
          <Figures source={source} />
          <TunnelTable views={views} source={source} uses={uses} />
          <Pages page={page} pages={pages} />
          <Failures records={failures.slice(0, FAILURES_MAX)} />
        </main>
        <footer class="dim">
          erouted {source.facts.version}, {new Date(source.wallMsNow()).toISOString()}.{" "}
          <a href="/api/v1/dynamic-eroutes">JSON</a> · <a href="/api/v1/events">events</a> ·{" "}
          <a href="/metrics">metrics</a>
        </footer>
      </body>
    </html>
  );
};

const Figures: FC<{ source: StatusSource }> = ({ source }) => {
  const { gauges } = source.snapshot();
  const figures: readonly (readonly [string, string])[] = [
    ["Dynamic eroutes", `${gauges.dynamicEroutes} of ${gauges.dynamicEroutesMax}`],
    ["Normal eroutes up", String(gauges.normalEroutesUp)],
    ["IKE SAs", String(gauges.ikeSas)],
    ["Half-open", String(gauges.halfOpenIkeSas)],
    ["Child SAs", String(gauges.childSas)],
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

type Rows = { views: readonly ErouteView[]; source: StatusSource; uses: StateUses };

const TunnelTable: FC<Rows> = ({ views, source, uses }) => {
  if (views.length === 0) return <p>No site is connected.</p>;
  const heads = ["Remote peer ID", "Base eroute", "Remote subnet", "Peer address", "State"];
  return (
    <table>
      <caption>Sites that are connected, oldest first</caption>
      <thead>
        <tr>
          {[...heads, "Since", "IKE SA", "Child SAs (in / out)"].map((head) => (
            <th scope="col">{head}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {views.map((view) => (
          <TunnelRow view={view} source={source} uses={uses} />
        ))}
      </tbody>
    </table>
  );
};

const TunnelRow: FC<{ view: ErouteView; source: StatusSource; uses: StateUses }> = (props) => {
  const { view, source, uses } = props;
  const ike = view.ikeSas.at(-1);
  const nat = ike === undefined || ike.nat === "none" ? "" : ", behind NAT";
  return (
    <tr>
      <th scope="row">{view.peerId}</th>
      <td data-label="Base eroute">
        {view.baseEroute}
        {view.kind === "normal" && <span class="dim"> (normal eroute)</span>}
      </td>
      <td data-label="Remote subnet">{view.remoteSubnets.join(", ")}</td>
      <td data-label="Peer address">
        {view.peerAddress}
        {nat}
      </td>
      <td data-label="State" class={view.state === "established" ? "whole ok" : "whole warn"}>
        {view.state}
      </td>
      <td data-label="Since" class="whole">
        {timeText(source.wallMs(view.createdAt))}
      </td>
      <td data-label="IKE SA" class="mono">
        {(ike?.algorithms ?? "-").split("/").map((name, i) => (
          <>
            {i > 0 && "/"}
            <wbr />
            {name}
          </>
        ))}
      </td>
      <td data-label="Child SAs (in / out)">
        {view.childSas.length === 0 && <span class="warn">none</span>}
        {view.childSas.map((child) => (
          <ChildLine child={child} uses={uses} />
        ))}
      </td>
    </tr>
  );
};

const ChildLine: FC<{ child: ChildSaView; uses: StateUses }> = ({ child, uses }) => {
  const inbound = uses.get(stateKey(child.localAddress, child.spiIn));
  const outbound = uses.get(stateKey(child.remoteAddress, child.spiOut));
  const inText = inbound === undefined ? "-" : formatOctets(inbound.octets);
  const outText = outbound === undefined ? "-" : formatOctets(outbound.octets);
  return (
    <div>
      <span class="whole">
        {inText} / {outText}
      </span>
      <span class="mono dim detail">
        {spi32Hex(child.spiIn)} {spi32Hex(child.spiOut)} {child.algorithms}
        {child.udpEncapsulation ? " in UDP" : ""}
      </span>
    </div>
  );
};

const Pages: FC<{ page: number; pages: number }> = ({ page, pages }) => {
  if (pages === 1) return null;
  return (
    <p class="pages">
      {page > 1 && <a href={`?page=${page - 1}`}>previous</a>}
      Page {page} of {pages} {page < pages && <a href={`?page=${page + 1}`}>next</a>}
    </p>
  );
};

const Failures: FC<{ records: readonly JournalRecord[] }> = ({ records }) => (
  <section>
    <h2>Sites that did not get in</h2>
    {records.length === 0 ? (
      <p>No attempt has failed since the start, or within the last {RECORDS_MAX} events.</p>
    ) : (
      <table>
        <caption>The last {records.length} failed attempts, newest first</caption>
        <thead>
          <tr>
            {["Site", "When", "From", "Stopped at", "Why"].map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <tr>
              <th scope="row">{record.peerId ?? <span class="dim">not known</span>}</th>
              <td data-label="When" class="whole">
                {timeText(record.wallMs)}
              </td>
              <td data-label="From">{record.remote ?? "-"}</td>
              <td data-label="Stopped at" class="whole">
                {record.step}
              </td>
              <td data-label="Why">
                <strong class="bad">{record.reason}</strong>: {record.detail}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </section>
);

/** `2026-11-23 13:20:01` UTC. */
function timeText(wallMs: number): string {
  return new Date(Math.round(wallMs)).toISOString().slice(0, 19).replace("T", " ");
}

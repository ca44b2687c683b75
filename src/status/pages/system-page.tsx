/** @jsxImportSource hono/jsx */
/** Status > System: the daemon, its databases, its counters, and charts of the last hours. */

import type { FC } from "hono/jsx";
import { formatOctets } from "../../octets/octet-amount.ts";
import { inWords } from "../../why/words.ts";
import { SYSTEM_PATH } from "../paths.ts";
import type { Series } from "../series.ts";
import type { DatabaseView, StatusSource } from "../source.ts";
import { Chart } from "./chart.tsx";
import { Document, documentText } from "./document.tsx";
import { formatCount } from "./number-text.ts";
import { Banners, Figures, Foot, GaugeFigures } from "./page-parts.tsx";

/** The text of the whole page; `range` is what the charts show. */
export function systemPage(source: StatusSource, range: "hour" | "days"): string {
  const { facts } = source;
  const { gauges, counters } = source.snapshot();
  const upSeconds = Math.floor((source.wallMsNow() - facts.startedWallMs) / 1000);
  return documentText(
    <Document title="System" path={SYSTEM_PATH} live>
      <main id="main">
        <h1>System</h1>
        <div data-live="figures">
          <Banners source={source} />
          <GaugeFigures gauges={gauges} />
          <Figures
            of={[
              ["Up for", upText(upSeconds)],
              ["Version", facts.version],
              ["Data plane", facts.dataplane],
              ["Configuration", facts.configFile],
              ["Listening on", facts.listening.join(", ") || "nothing"],
            ]}
          />
        </div>
        <h2>{range === "hour" ? "The last hour" : "The last two days"}</h2>
        <p>
          <a href={range === "hour" ? "?range=days" : "?range=hour"}>
            {range === "hour" ? "Show two days" : "Show the last hour"}
          </a>
        </p>
        <div class="charts" data-live="charts">
          <Charts series={source.series(range)} />
        </div>
        <h2>Databases</h2>
        <div data-live="databases">
          <Databases of={source.databases()} />
        </div>
        <h2>Counters</h2>
        <div data-live="counters">
          <Figures
            of={Object.entries(counters)
              .filter(([, value]) => value > 0)
              .map(([name, value]) => [inWords(name), formatCount(value)])}
          />
        </div>
      </main>
      <Foot
        source={source}
        json={[
          ["/api/v1/status", "Status as JSON"],
          ["/api/v1/series", "Series"],
        ]}
      />
    </Document>,
  );
}

const Charts: FC<{ series: Series }> = ({ series }) => {
  const rate = (value: number) => `${value >= 10 ? Math.round(value) : value.toFixed(1)}/s`;
  const octets = (value: number) => `${formatOctets(BigInt(Math.round(value)))}/s`;
  const text = (value: number) => formatCount(Math.round(value));
  return (
    <>
      <Chart title="Tunnels" series={series} names={["tunnels"]} text={text} />
      <Chart title="Handshakes" series={series} names={["handshakes"]} text={rate} />
      <Chart title="Failures" series={series} names={["failures"]} text={rate} />
      <Chart
        title="Look-ups"
        series={series}
        names={["lookup_ms"]}
        text={(value) => `${value.toFixed(1)} ms`}
      />
      <Chart title="Traffic" series={series} names={["octets_in", "octets_out"]} text={octets} />
    </>
  );
};

const Databases: FC<{ of: readonly DatabaseView[] }> = ({ of }) => {
  if (of.length === 0) return <p>None is configured.</p>;
  return (
    <table>
      <caption>Databases that the rows of sites come from</caption>
      <thead>
        <tr>
          <th scope="col">Egroup</th>
          <th scope="col">Source</th>
          <th scope="col">Look-ups</th>
          <th scope="col">Failures</th>
          <th scope="col">Waiting</th>
          <th scope="col">Last fault</th>
        </tr>
      </thead>
      <tbody>
        {of.map((database) => (
          <tr>
            <th scope="row" class="narrow">
              {database.egroup}
            </th>
            <td data-label="Source">
              {database.source}
              {database.inUse !== undefined && (
                <span class="dim line">
                  in use: {database.inUse.server}, failovers: {database.inUse.failovers}
                </span>
              )}
            </td>
            <td data-label="Look-ups">{formatCount(database.lookups)}</td>
            <td data-label="Failures">{formatCount(database.failures)}</td>
            <td data-label="Waiting">{formatCount(database.waiting)}</td>
            <td data-label="Last fault" class={database.lastFault === undefined ? "ok" : "bad"}>
              {database.lastFault ?? "none"}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

/** `3 d 4 h`, `12 min`. */
function upText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

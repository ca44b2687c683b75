/** @jsxImportSource hono/jsx */
/** Status > Events: the journal, the latest first, filtered by site and level. */

import type { FC } from "hono/jsx";
import { JOURNAL_LEVELS, type JournalRecord } from "../../concentrator/journal/journal.ts";
import { EVENTS_PATH, sitePath } from "../paths.ts";
import type { StatusSource } from "../source.ts";
import { Document, documentText } from "./document.tsx";
import { Banners, Foot } from "./page-parts.tsx";
import { TimeText } from "./time-text.tsx";

export type EventsWanted = {
  readonly site: string | undefined;
  readonly level: string | undefined;
  /** The newest first. */
  readonly records: readonly JournalRecord[];
  /** Only records with a lower sequence; undefined: the latest. */
  readonly before: number | undefined;
  /** The sequence below which there are more; undefined: there are none. */
  readonly older: number | undefined;
};

/** The text of the whole page. */
export function eventsPage(source: StatusSource, wanted: EventsWanted): string {
  const { site, level, records } = wanted;
  return documentText(
    <Document title="Events" path={EVENTS_PATH} live>
      <main id="main">
        <h1>Events</h1>
        <div data-live="banners">
          <Banners source={source} />
        </div>
        <form class="search" method="get">
          <label>
            <span>Site</span>
            <input type="search" name="site" value={site ?? ""} maxlength={256} />
          </label>
          <label>
            <span>Least level</span>
            <select name="level">
              {JOURNAL_LEVELS.map((name) => (
                <option value={name} {...(name === (level ?? "debug") ? { selected: true } : {})}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <button type="submit">Show</button>
        </form>
        <div data-live="list">
          {records.length === 0 ? (
            <p>No event matches.</p>
          ) : (
            <EventsTable records={records} isLatest={wanted.before === undefined} />
          )}
          <Pages of={wanted} />
        </div>
      </main>
      <Foot
        source={source}
        json={[
          ["/api/v1/events", "Events as JSON"],
          ["/api/v1/events/stream", "as a stream"],
        ]}
      />
    </Document>,
  );
}

const LEVEL_CLASSES: Readonly<Record<JournalRecord["level"], string>> = {
  debug: "dim",
  info: "",
  warning: "warn",
  error: "bad",
};

const Pages: FC<{ of: EventsWanted }> = ({ of: { before, older, site, level } }) => {
  if (before === undefined && older === undefined) return null;
  const href = (end: number | undefined) => {
    const parameters = new URLSearchParams();
    if (site !== undefined && site !== "") parameters.set("site", site);
    if (level !== undefined && level !== "") parameters.set("level", level);
    if (end !== undefined) parameters.set("before", String(end));
    return `?${parameters}`;
  };
  return (
    <nav class="pages" aria-label="Pages">
      {before !== undefined && <a href={href(undefined)}>Latest</a>}
      {older !== undefined && (
        <a href={href(older)} rel="next">
          Older
        </a>
      )}
    </nav>
  );
};

type TableProps = { readonly records: readonly JournalRecord[]; readonly isLatest: boolean };

const EventsTable: FC<TableProps> = ({ records, isLatest }) => (
  <table>
    <caption>
      {isLatest ? `The latest ${records.length} events` : `${records.length} older events`}, the
      newest first
    </caption>
    <thead>
      <tr>
        <th scope="col">Time (UTC)</th>
        <th scope="col">Level</th>
        <th scope="col">Site</th>
        <th scope="col">Remote</th>
        <th scope="col">Step</th>
        <th scope="col">What</th>
      </tr>
    </thead>
    <tbody>
      {records.map((record) => (
        <tr>
          <th scope="row" class="narrow">
            <TimeText wallMs={record.wallMs} />
          </th>
          <td data-label="Level" class={`${LEVEL_CLASSES[record.level]} whole`}>
            {record.level}
          </td>
          <td data-label="Site" class="address">
            {record.peerId === undefined ? (
              "-"
            ) : (
              <a href={sitePath(record.peerId)}>
                <bdi>{record.peerId}</bdi>
              </a>
            )}
          </td>
          <td data-label="Remote" class="address">
            {record.remote ?? "-"}
          </td>
          <td data-label="Step" class="whole">
            {record.step}
          </td>
          <td data-label="What">
            <span class="mono">{record.reason}</span> <bdi>{record.detail}</bdi>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

/** @jsxImportSource hono/jsx */
/** The page of one site: why it is or is not connected, its eroutes, and earlier attempts. */

import type { FC } from "hono/jsx";
import { parseAddress } from "../../inet/address.ts";
import type { Attempt } from "../../why/attempt.ts";
import type { Explanation } from "../../why/explain.ts";
import type { Finding } from "../../why/finding.ts";
import { reasonText } from "../../why/reason.ts";
import type { Session } from "../access/sessions.ts";
import { EVENTS_PATH } from "../paths.ts";
import type { StatusSource } from "../source.ts";
import { Document, documentText } from "./document.tsx";
import { Banners, Foot, Prose } from "./page-parts.tsx";
import { Sides } from "./sides.tsx";
import { SiteActions } from "./site-actions.tsx";
import { TimeText } from "./time-text.tsx";
import { tunnelTable } from "./tunnel-table.tsx";

/** The visitor's session, and the result of his last action. */
export type Visitor = {
  readonly session: Session | undefined;
  readonly said: string | undefined;
  readonly canOperate: boolean;
};

/** The text of the whole page of a peer ID, or an address. Its row is read for it. */
export async function sitePage(
  source: StatusSource,
  asked: string,
  visitor: Visitor,
): Promise<string> {
  const { explanation, attempts } = await source.explain(asked);
  const uses = await source.usesOf(source.snapshot().site(asked));
  const views = source.snapshot().site(asked);
  const table = await tunnelTable({ caption: "Eroutes in use", views, source, uses });
  // No site has this ID: no action is possible, and no event names it.
  const isNobody = explanation.findings.every(({ about }) => about !== "eroute");
  const isAddress = isNobody && parseAddress(asked) !== undefined;
  const path = `/api/v1/peers/${encodeURIComponent(asked)}/explain`;
  return documentText(
    <Document title={asked} live>
      <main id="main">
        <h1>
          <bdi>{asked}</bdi>
        </h1>
        {visitor.said !== undefined && (
          <p class="banner" role="status">
            <bdi>{visitor.said}</bdi>
          </p>
        )}
        {!isAddress && (
          <SiteActions peerId={asked} session={visitor.session} canOperate={visitor.canOperate} />
        )}
        <div data-live="explanation">
          <Banners source={source} />
          <p class={`summary ${isGood(explanation) ? "ok" : "bad"}`}>
            <bdi>{explanation.summary}</bdi>
          </p>
          <Advice advice={explanation.advice} />
          <Findings of={explanation.findings} />
          {explanation.comparison !== undefined && <Sides of={explanation.comparison} />}
        </div>
        {views.length > 0 && (
          <>
            <h2>Eroutes</h2>
            <div data-live="eroutes">{table}</div>
          </>
        )}
        <h2>Earlier attempts</h2>
        <div data-live="attempts">
          {attempts.length === 0 ? <p>None since start.</p> : <Attempts of={attempts} />}
        </div>
        {!isAddress && (
          <p>
            <a href={`${EVENTS_PATH}?site=${encodeURIComponent(asked)}`}>Events of this site</a>
          </p>
        )}
      </main>
      <Foot source={source} json={[[path, "This page as JSON"]]} />
    </Document>,
  );
}

function isGood({ state }: Explanation): boolean {
  return state === "connected" || state === "negotiating" || state === "calling";
}

const Advice: FC<{ advice: readonly string[] }> = ({ advice }) => {
  if (advice.length === 0) return null;
  return (
    <>
      <h2>What to do</h2>
      <ul>
        {advice.map((text) => (
          <li>
            <Prose text={text} />
          </li>
        ))}
      </ul>
    </>
  );
};

const VERDICTS: Readonly<Record<Finding["verdict"], readonly [string, string]>> = {
  ok: ["ok", "ok"],
  problem: ["problem", "bad"],
  note: ["note", "dim"],
};

const Findings: FC<{ of: readonly Finding[] }> = ({ of }) => (
  <table>
    <caption>Findings</caption>
    <thead>
      <tr>
        <th scope="col">About</th>
        <th scope="col">Verdict</th>
        <th scope="col">What</th>
      </tr>
    </thead>
    <tbody>
      {of.map(({ about, verdict, detail }) => (
        <tr>
          <th scope="row" class="narrow">
            {about}
          </th>
          <td data-label="Verdict" class={`${VERDICTS[verdict][1]} whole`}>
            {VERDICTS[verdict][0]}
          </td>
          <td data-label="What">{detail}</td>
        </tr>
      ))}
    </tbody>
  </table>
);

const OUTCOME_CLASSES: Readonly<Record<Attempt["outcome"], string>> = {
  connected: "ok",
  failed: "bad",
  refused: "bad",
  ended: "dim",
};

const Attempts: FC<{ of: readonly Attempt[] }> = ({ of }) => (
  <table>
    <caption>Attempts, the latest first</caption>
    <thead>
      <tr>
        <th scope="col">Last time (UTC)</th>
        <th scope="col">Outcome</th>
        <th scope="col">Step</th>
        <th scope="col">Remote</th>
        <th scope="col">Why</th>
      </tr>
    </thead>
    <tbody>
      {of.map(({ outcome, times, record }) => (
        <tr>
          <th scope="row" class="narrow">
            <TimeText wallMs={record.wallMs} />
            {times > 1 && <span class="dim line">{times} times</span>}
          </th>
          <td data-label="Outcome" class={`${OUTCOME_CLASSES[outcome]} whole`}>
            {outcome}
          </td>
          <td data-label="Step" class="whole">
            {record.step}
          </td>
          <td data-label="Remote" class="address">
            {record.remote ?? "-"}
          </td>
          <td data-label="Why">
            <strong>{reasonText(record.reason)}</strong>
            <div>{record.detail}</div>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

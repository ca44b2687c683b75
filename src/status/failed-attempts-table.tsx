/** @jsxImportSource hono/jsx */
/** The table of failed attempts: which site, when, at which step, why, and what to do. */

import type { FC } from "hono/jsx";
import { reasonText } from "../concentrator/reason.ts";
import { sitePath } from "./document.tsx";
import type { FailedAttempt } from "./failed-attempts.ts";
import { TimeText } from "./time-text.tsx";

const HEADS = ["Site", "Last time (UTC)", "From", "Stopped at", "Why, and what to do"];

/** Each attempt with both sides of what did not fit, where that is the reason. */
export const FailedAttemptsTable: FC<{ attempts: readonly FailedAttempt[] }> = ({ attempts }) => (
  <table>
    <caption>Failed attempts, the latest first</caption>
    <thead>
      <tr>
        {HEADS.map((head) => (
          <th scope="col">{head}</th>
        ))}
      </tr>
    </thead>
    <tbody>
      {attempts.map((attempt) => (
        <AttemptRow attempt={attempt} />
      ))}
    </tbody>
  </table>
);

const AttemptRow: FC<{ attempt: FailedAttempt }> = ({ attempt }) => {
  const { latest, times, hasConnectedSince } = attempt;
  return (
    <tr>
      <th scope="row">
        {latest.peerId === undefined ? (
          <span class="dim">not known yet</span>
        ) : (
          <a href={sitePath(latest.peerId)}>
            <bdi>{latest.peerId}</bdi>
          </a>
        )}
        {hasConnectedSince && <span class="ok line">connected since</span>}
      </th>
      <td data-label="Last time (UTC)">
        <TimeText wallMs={latest.wallMs} />
        {times > 1 && <span class="dim line">{times} times</span>}
      </td>
      <td data-label="From" class="address">
        {latest.remote ?? "-"}
      </td>
      <td data-label="Stopped at" class="whole">
        {latest.step}
      </td>
      <td data-label="Why, and what to do">
        <strong class="bad">{reasonText(latest.reason)}</strong>{" "}
        <span class="mono dim">{latest.reason}</span>
        <div>{latest.detail}</div>
        <Side name="Offered" of={latest.offered} />
        <Side name="Wanted" of={latest.wanted} />
      </td>
    </tr>
  );
};

const Side: FC<{ name: string; of: readonly string[] | undefined }> = ({ name, of }) => {
  if (of === undefined || of.length === 0) return null;
  return (
    <div class="side">
      <span class="dim">{name}</span> <span class="mono">{of.join(", ")}</span>
    </div>
  );
};

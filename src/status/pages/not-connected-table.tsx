/** @jsxImportSource hono/jsx */
/**
 * The table of sites that are not connected: when and at which step they stopped, why, what to do.
 */

import type { FC } from "hono/jsx";
import { hostOf, type LastAttempt } from "../../why/attempt.ts";
import { reasonText } from "../../why/reason.ts";
import { lastOf } from "../lists/not-connected.ts";
import { sitePath } from "../paths.ts";
import { TimeText } from "./time-text.tsx";

const HEADS = ["Site", "Last time (UTC)", "From", "Stopped at", "Why, and what to do"];

type TableProps = { readonly sites: readonly LastAttempt[]; readonly caption: string };

/** Each site, with both sides of a mismatch if that is the reason. */
export const NotConnectedTable: FC<TableProps> = ({ sites, caption }) => (
  <table>
    <caption>{caption}</caption>
    <thead>
      <tr>
        {HEADS.map((head) => (
          <th scope="col">{head}</th>
        ))}
      </tr>
    </thead>
    <tbody>
      {sites.map((site) => (
        <SiteRow site={site} />
      ))}
    </tbody>
  </table>
);

const SiteRow: FC<{ site: LastAttempt }> = ({ site }) => {
  const { record, times } = site.attempt;
  return (
    <tr>
      <th scope="row">
        <SiteLink site={site} />
        {!site.isKnown && record.peerId !== undefined && <span class="dim line">a stranger</span>}
        {lastOf(site) === "ended" && <span class="dim line">was connected</span>}
      </th>
      <td data-label="Last time (UTC)">
        <TimeText wallMs={record.wallMs} />
        {times > 1 && <span class="dim line">{times} times</span>}
      </td>
      <td data-label="From" class="address">
        {record.remote ?? "-"}
      </td>
      <td data-label="Stopped at" class="whole">
        {record.step}
      </td>
      <td data-label="Why, and what to do">
        <strong class={lastOf(site) === "ended" ? "warn" : "bad"}>
          {reasonText(record.reason)}
        </strong>{" "}
        <span class="mono dim">{record.reason}</span>
        <div>{record.detail}</div>
        <Side name="Offered" of={record.offered} />
        <Side name="Wanted" of={record.wanted} />
      </td>
    </tr>
  );
};

/** A link to the site's page; without an ID, to that of its address. */
const SiteLink: FC<{ site: LastAttempt }> = ({ site: { attempt } }) => {
  const { peerId, remote } = attempt.record;
  const host = hostOf(remote);
  if (peerId !== undefined) {
    return (
      <a href={sitePath(peerId)}>
        <bdi>{peerId}</bdi>
      </a>
    );
  }
  if (host === undefined) return <span class="dim">not known yet</span>;
  return (
    <>
      <a href={sitePath(host)}>{host}</a>
      <span class="dim line">sent no ID</span>
    </>
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

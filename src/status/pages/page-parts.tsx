/** @jsxImportSource hono/jsx */
/** Parts of several pages: problems, the daemon in figures, the footer. */

import type { FC } from "hono/jsx";
import type { Gauges, Snapshot } from "../../concentrator/snapshot.ts";
import { DOCS_PATH } from "../api/operations.ts";
import { NO_DATAPLANE } from "../api/views.ts";
import { LOGIN_PATH } from "../paths.ts";
import type { StatusSource } from "../source.ts";
import { formatCount } from "./number-text.ts";
import { TimeText } from "./time-text.tsx";

/** Problems that need an operator, and what an operator should know. */
export const Banners: FC<{ source: StatusSource }> = ({ source }) => (
  <>
    {source.facts.dataplane === "none" && (
      <p class="banner" role="note">
        <strong>No packets are carried:</strong> {NO_DATAPLANE}.
      </p>
    )}
    <Redirecting of={source.snapshot().redirecting} />
    {source.problems().map((text) => (
      <p class="banner" role="alert">
        {text}
      </p>
    ))}
  </>
);

const Redirecting: FC<{ of: Snapshot["redirecting"] }> = ({ of }) =>
  of === undefined ? null : (
    <p class="banner" role="note">
      <strong>Sites are sent to {of.to}:</strong> those that call, and those that are connected;
      {formatCount(of.waiting)} of these have not been told yet.
    </p>
  );

/** The gauges. */
export const GaugeFigures: FC<{ gauges: Gauges }> = ({ gauges }) => {
  const { dynamicEroutes, dynamicEroutesMax } = gauges;
  return (
    <Figures
      of={[
        ["Dynamic eroutes", `${formatCount(dynamicEroutes)} of ${formatCount(dynamicEroutesMax)}`],
        ["Normal eroutes up", formatCount(gauges.normalEroutesUp)],
        ["IKE SAs", formatCount(gauges.ikeSas)],
        ["Half-open", formatCount(gauges.halfOpenIkeSas)],
        ["Child SAs", formatCount(gauges.childSas)],
      ]}
    />
  );
};

/** Names with their values. */
export const Figures: FC<{ of: readonly (readonly [string, string])[] }> = ({ of }) => (
  <dl class="figures">
    {of.map(([name, value]) => (
      <div>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

type FootProps = { source: StatusSource; json: readonly (readonly [string, string])[] };

/** When the page was made, by which version, and links to the same as JSON. */
export const Foot: FC<FootProps> = ({ source, json }) => (
  <footer class="dim" data-live="foot">
    <span class="whole">erouted {source.facts.version}</span>, as of{" "}
    <TimeText wallMs={source.wallMsNow()} /> UTC <span data-liveness="" />
    <span class="line">
      {json.map(([path, name]) => (
        <>
          <a href={path}>{name}</a> ·{" "}
        </>
      ))}
      <a href="/metrics">Metrics</a> · <a href={DOCS_PATH}>API</a> ·{" "}
      <a href={LOGIN_PATH}>Session</a>
    </span>
  </footer>
);

/** Shows text between backticks as code. */
export const Prose: FC<{ text: string }> = ({ text }) => (
  <>{text.split("`").map((part, i) => (i % 2 === 1 ? <code>{part}</code> : part))}</>
);

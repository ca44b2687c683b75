/** Metrics of what was taken over from the run before, and of what is kept for the next start. */

import type { StatusFacts } from "../source.ts";
import type { Metric } from "./metric.ts";

type Facts = Pick<StatusFacts, "takenOver" | "keptOctets">;

/** No values if nothing is kept, or nothing was taken over. */
export function keptMetrics({ takenOver, keptOctets }: Facts): readonly Metric[] {
  const closed = takenOver === undefined ? 0 : takenOver.before - takenOver.now;
  return [
    {
      name: "erouted_sites_taken_over",
      type: "gauge",
      help: "Sites of the run before that the start has taken over (kept), or has not (closed).",
      samples:
        takenOver === undefined
          ? []
          : [
              { labels: { state: "kept" }, value: takenOver.now },
              { labels: { state: "closed" }, value: closed },
            ],
    },
    {
      name: "erouted_kept_bytes",
      type: "gauge",
      help: "Bytes in the runtime folder from which the next start goes on.",
      samples: keptOctets === undefined ? [] : [{ value: keptOctets }],
    },
  ];
}

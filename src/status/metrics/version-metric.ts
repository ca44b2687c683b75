/** The metric of the versions of IKE: how many sites still need the old one. */

import type { Metric, MetricsMoment } from "./metric.ts";

/** Sites in use by version. */
export function versionMetric({ versions }: Pick<MetricsMoment, "versions">): Metric {
  return {
    name: "erouted_sites",
    type: "gauge",
    help: "Eroutes in use, by the version of IKE that their site uses now.",
    samples: Object.entries(versions).map(([version, value]) => {
      return { labels: { ike_version: version }, value };
    }),
  };
}

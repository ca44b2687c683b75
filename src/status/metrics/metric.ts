/** A metric with its samples, as Prometheus knows them. */

import type { IkeMajor } from "../../eroute/eroute.ts";
import type { NotConnectedCounts } from "../lists/not-connected.ts";

export type MetricSample = {
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
};

export type Metric = {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly MetricSample[];
};

/** Values read for metrics: the process's use of resources, and which sites are not connected. */
export type MetricsMoment = {
  readonly cpuSeconds: number;
  readonly residentOctets: number;
  /** Tokens that were wrong or not checked; event streams that were disconnected or refused. */
  readonly tokensWrong: number;
  readonly tokensLimited: number;
  readonly streamsRefused: number;
  readonly notConnected: NotConnectedCounts;
  /** Eroutes in use by the version of IKE. */
  readonly versions: Readonly<Record<IkeMajor, number>>;
};

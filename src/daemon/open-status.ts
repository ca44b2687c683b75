/** Opens the status server of a daemon. */

import packageJson from "../../package.json";
import { now, wallMs } from "../linux/clock.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { createStatusApp } from "../status/app.ts";
import { serveStatus } from "../status/server.ts";
import { tlsFault } from "../status/tls.ts";
import { controlOf } from "./control.ts";
import { type Daemon, noteBug } from "./daemon.ts";
import { takenOverView } from "./keep/go-on.ts";
import type { Reloader } from "./reloader.ts";
import { createSamples, SAMPLE_MS } from "./samples.ts";
import { createCounted, NOTHING_COUNTED } from "./state-uses.ts";
import { statusSourceOf } from "./status-source.ts";

export type StatusOptions = { readonly configFile: string; readonly reloader: Reloader };

/** Listens, if configured; starts to take samples for the charts. */
export function openStatus(daemon: Daemon, options: StatusOptions): Result<undefined, string> {
  const { config, concentrator, journal, attempts, listeners, kernel, peers, log } = daemon;
  const { failures, loop, recorder, reloads } = daemon;
  const { listen } = config.status;
  if (listen === undefined) return ok(undefined);
  const facts = {
    version: packageJson.version,
    dataplane: config.dataplane,
    startedWallMs: wallMs(),
    configFile: options.configFile,
    get listening() {
      return daemon.sockets?.listening ?? [];
    },
    get eroutes() {
      return daemon.config.plan.eroutes.map(({ name }) => name);
    },
    get egroups() {
      return daemon.config.plan.egroups.map(({ name }) => name);
    },
    takenOver: takenOverView(daemon.takenOver),
    get keptOctets() {
      return daemon.keeper?.octets();
    },
  };
  const ours = () => daemon.sockets?.addresses ?? [];
  const counted = kernel === undefined ? NOTHING_COUNTED : createCounted(kernel, ours, now);
  const samples = createSamples({
    concentrator,
    peers,
    wallMs,
    traffic: async () => {
      await counted.all();
      return counted.totals();
    },
  });
  daemon.sampling = setInterval(() => void samples.take(), SAMPLE_MS);
  const source = statusSourceOf({
    concentrator,
    journal,
    attempts,
    listeners,
    samples,
    counted,
    peers,
    facts,
    log,
    failures,
    loop,
    recorder,
    reloads,
    get config() {
      return daemon.config;
    },
    get sites() {
      return daemon.sites;
    },
  });
  const settings = {
    get token() {
      return daemon.config.status.token;
    },
    get operateToken() {
      return daemon.config.status.operateToken;
    },
    get isSecure() {
      return daemon.config.status.tls !== undefined;
    },
    host: listen.host,
    onBug: (fault: unknown) => noteBug(daemon, fault),
  };
  const control = controlOf(daemon, options.reloader);
  const { tls } = config.status;
  const fault = tls === undefined ? undefined : tlsFault(tls, wallMs());
  if (fault !== undefined) return err(fault);
  const served = serveStatus(createStatusApp(source, settings, control), { ...listen, tls });
  if (!served.ok) return err(served.error.detail);
  daemon.status = served.value;
  return ok(undefined);
}

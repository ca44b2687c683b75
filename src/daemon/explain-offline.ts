/** Why a site cannot connect, as far as configuration and table show it without a daemon. */

import type { Config } from "../config/config.ts";
import { parseAddress } from "../inet/address.ts";
import { now, wallMs } from "../linux/clock.ts";
import { openPeers } from "../peers/open.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { explanationJson } from "../status/api/explanation-json.ts";
import { explain } from "../why/explain.ts";
import { type Configured, configuredOf } from "./explain-row.ts";

/** The same fields as `GET /api/v1/peers/{id}/explain`; `connected` is null: it is unknown. */
export async function explainOffline(config: Config, asked: string): Promise<unknown> {
  const explanation = explain({
    ...(await configuredWithout(config, asked)),
    asked,
    now: now(),
    nowWallMs: wallMs(),
    isRunning: false,
    eroutes: [],
    traffic: new Map(),
    call: undefined,
    attempts: [],
    peersThere: [],
    strangers: [],
    similar: undefined,
    listening: [],
    tableIsFull: false,
    redirectedTo: undefined,
    removals: [],
  });
  return explanationJson(asked, { explanation, attempts: [] });
}

async function configuredWithout(config: Config, asked: string): Promise<Configured> {
  const opened: PeerRepository[] = [];
  try {
    const repositoryOf = (egroup: string) => {
      const settings = config.databases.find((database) => database.egroup === egroup);
      const repository = settings === undefined ? undefined : openPeers(settings);
      if (repository?.ok !== true) return undefined;
      opened.push(repository.value);
      return repository.value;
    };
    const found = await configuredOf(config, asked, { repositoryOf, snapshot: undefined });
    const isAddress = found.match.kind === "none" && parseAddress(asked) !== undefined;
    if (!isAddress) return found;
    return { match: { kind: "address" }, row: { kind: "none" }, overlaps: [] };
  } finally {
    for (const repository of opened) await repository.close();
  }
}

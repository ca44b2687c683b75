/** The configuration: one TOML file, read into values, or every fault in it with its place. */

import type { DatabaseSettings } from "../eroute/database.ts";
import { DEFAULT_DEFAULT_EROUTE } from "../eroute/defaults.ts";
import type { EroutePlan } from "../eroute/eroute.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { type Check, type ConfigFiles, createCheck } from "./check.ts";
import { checkDefaultEroute, checkEroute, checkLimits } from "./contradictions.ts";
import {
  type IkeSettings,
  type LogSettings,
  type PolicyHash,
  type ReloadSettings,
  readIke,
  readLimits,
  readLog,
  readPolicyHash,
  readReload,
  readStatus,
  type StatusSettings,
} from "./daemon-settings.ts";
import { readEgroups } from "./egroups.ts";
import { type FileEnding, fileEndingOf } from "./ending.ts";
import { checkEgroupNames, readEroutes, readExceptions, readUnknownSites } from "./eroutes.ts";
import { type ConfigFault, inFileOrder } from "./fault.ts";
import { parseToml } from "./parse-toml.ts";
import { checkPlan } from "./plan-checks.ts";
import type { RawConfig } from "./schema.ts";
import { checkSchema } from "./schema-faults.ts";
import { type ConfigSources, recordingFiles } from "./sources.ts";
import { keyLines } from "./toml-lines.ts";
import { readUsers } from "./users.ts";

export type Config = {
  readonly ike: IkeSettings;
  readonly dataplane: "xfrm" | "none";
  readonly policyHash: PolicyHash;
  /** Whether packets that need an SA stay blocked after erouted has ended (R14). */
  readonly keepBlocking: boolean;
  /** Whether the next start goes on from the SAs of this one. */
  readonly keepsState: boolean;
  /** Whether code for sites that call is compiled ahead, while no site calls. */
  readonly warmsUp: boolean;
  readonly plan: EroutePlan;
  /** One for each egroup, in the same order. */
  readonly databases: readonly DatabaseSettings[];
  /** How often an egroup's rows are checked for changes, ms; undefined: never. */
  readonly polls: readonly Poll[];
  readonly status: StatusSettings;
  readonly log: LogSettings;
  readonly reload: ReloadSettings;
  /** What it was read from. */
  readonly sources: ConfigSources;
  /** How the file ends. */
  readonly ending: FileEnding;
  /** What works, but is probably not intended. */
  readonly warnings: readonly ConfigFault[];
};

export type Poll = { readonly egroup: string; readonly everyMs: number | undefined };

/**
 * Reads the text of a configuration file; `file` is its name in messages. Reports all faults at
 * once.
 */
export function readConfig(
  text: string,
  files: ConfigFiles,
  file: string,
): Result<Config, readonly ConfigFault[]> {
  const table = parseToml(text, file);
  if (!table.ok) return err([table.error]);
  const recording = recordingFiles(files, text);
  const check = createCheck(file, keyLines(text), recording.files);
  // A full disk leaves an empty file, and nobody means to have no eroute at all.
  if (isEmpty(table.value))
    check.fault([], "is empty, or cut off", "at least a table, as [status]");
  const config = readAll(check, checkSchema(check, table.value));
  if (check.faults.length > 0) return err(inFileOrder(check.faults));
  const { sources } = recording;
  const warnings = inFileOrder(check.warnings);
  return ok({ ...config, sources, ending: fileEndingOf(text), warnings });
}

function readAll(check: Check, raw: RawConfig): Omit<Config, "warnings" | "ending" | "sources"> {
  const egroups = readEgroups(check, raw);
  const eroutes = readEroutes(check, raw);
  const users = readUsers(check, raw);
  const named = (raw.egroup ?? []).flatMap(({ name }) => (name === undefined ? [] : [name]));
  checkEgroupNames(check, eroutes, named);
  checkPlan(check, egroups, eroutes, users);
  for (const [i, read] of eroutes.entries()) {
    const rawEroute = raw.eroute?.[i];
    if (rawEroute !== undefined) checkEroute(check, rawEroute, read, egroups);
  }
  const except = readExceptions(check, raw);
  const remote = eroutes.flatMap(({ remoteSubnets }) => remoteSubnets);
  checkDefaultEroute(check, raw, egroups, [...except, ...remote]);
  const deadlines = egroups.map((egroup) => egroup.deadlineMs);
  const ike = readIke(check, raw);
  const limits = readLimits(check, raw, deadlines);
  checkLimits(check, raw, limits);
  return {
    ike,
    dataplane: raw.dataplane?.kind ?? "xfrm",
    plan: {
      egroups: egroups.map(({ egroup }) => egroup),
      eroutes: eroutes.flatMap(({ eroute }) => eroute ?? []),
      users: users.flatMap(({ user }) => user ?? []),
      limits,
      ports: { ike: ike.port, nat: ike.natPort },
      unknownSites: readUnknownSites(raw),
      fullTranscriptAuth: raw.ike?.full_transcript_auth ?? true,
      intermediatePpk: raw.ike?.intermediate_ppk ?? false,
      defaultEroute: {
        outbound: raw.default_eroute?.outbound ?? DEFAULT_DEFAULT_EROUTE.outbound,
        inbound: raw.default_eroute?.inbound ?? DEFAULT_DEFAULT_EROUTE.inbound,
        except,
      },
    },
    policyHash: readPolicyHash(
      raw,
      egroups.map(({ egroup }) => egroup.remoteMask),
    ),
    keepBlocking: raw.dataplane?.keep_blocking ?? true,
    keepsState: (raw.dataplane?.keep ?? "state") === "state",
    warmsUp: raw.ike?.warm_up ?? true,
    databases: egroups.flatMap(({ database }) => database ?? []),
    polls: egroups.map(({ egroup, pollMs }) => ({ egroup: egroup.name, everyMs: pollMs })),
    status: readStatus(check, raw),
    log: readLog(raw),
    reload: readReload(raw),
  };
}

function isEmpty(table: unknown): boolean {
  return typeof table === "object" && table !== null && Object.keys(table).length === 0;
}

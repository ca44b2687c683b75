/** `erouted peers remote-config`: the configuration of a site's own router. */

import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Config } from "../../config/config.ts";
import { matchConfigured } from "../../eroute/configured-match.ts";
import { type DatabaseSettings, describeDatabase } from "../../eroute/database.ts";
import { dynamicErouteOf } from "../../eroute/dynamic-eroute.ts";
import type { BaseEroute } from "../../eroute/eroute.ts";
import { asPeerId } from "../../eroute/peer-id.ts";
import { isPpkRequired, type Ppk } from "../../eroute/ppk.ts";
import { prefixedPassword } from "../../eroute/psk.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { filled } from "../../eroute/row-fault.ts";
import { suitesWith } from "../../eroute/row-options.ts";
import { parseAddress } from "../../inet/address.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "../terminal.ts";
import { mikrotikFiles, sarosFiles } from "./remote/routers.ts";
import type { RemoteFile, RemotePpk, RemoteSite } from "./remote/site.ts";
import { libreswanFiles, openwrtFiles, strongswanFiles } from "./remote/swan.ts";
import { type PeersOptions, withPeers } from "./rows.ts";

/** The values of `--for`. */
export type RemoteKind = "strongswan" | "libreswan" | "openwrt" | "saros" | "mikrotik";

export type RemoteOptions = {
  readonly for: RemoteKind;
  /** Where sites reach the concentrator; otherwise its ID, if that is a name or an address. */
  readonly address?: string;
  /** The folder to write files to, instead of standard output. */
  readonly output?: string;
  readonly json?: true;
};

/** Prints it, with the key; 1 if there is no such row or the router does not support it. */
export function remoteConfig(
  options: PeersOptions & RemoteOptions & { readonly peerid: string },
  terminal: Terminal,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings, config) => {
    const found = await peers.find({ by: "peerid", peerid: options.peerid });
    if (!found.ok) return failure(terminal, printable(found.error.detail));
    if (found.value.length === 0) {
      const where = describeDatabase(settings);
      return failure(terminal, printable(`${where}: there is no row for ${options.peerid}`));
    }
    return showRemoteConfig(found.value, { ...options, config, settings }, terminal);
  });
}

export type RemoteContext = RemoteOptions & {
  readonly config: Config;
  readonly settings: DatabaseSettings;
};

/** The same for rows that are already read. */
export function showRemoteConfig(
  rows: readonly PeerRow[],
  context: RemoteContext,
  terminal: Terminal,
): ExitCode {
  const files = remoteFiles(rows, context);
  if (!files.ok) return failure(terminal, printable(files.error));
  if (context.output !== undefined) return writeFiles(files.value, context.output, terminal);
  if (context.json === true) {
    const shown = files.value.map(({ path, text }) => ({ path: path ?? null, text }));
    terminal.out(JSON.stringify({ for: context.for, files: shown }, undefined, 2));
    return EXIT.ok;
  }
  for (const { path, text } of files.value) {
    if (path !== undefined) terminal.out(`# ${path}`);
    terminal.out(text.trimEnd());
  }
  return EXIT.ok;
}

/** The files from these rows, which are those of one site. */
export function remoteFiles(
  rows: readonly PeerRow[],
  context: RemoteContext,
): Result<readonly RemoteFile[], string> {
  const site = remoteSiteOf(rows, context);
  if (!site.ok) return site;
  const { psk, ppk, localId, phase1 } = site.value;
  const lacks =
    phase1 !== undefined && !WITH_IKEV1.has(context.for)
      ? WITHOUT_IKEV1
      : ppk?.isRequired === true && !WITH_PPK.has(context.for)
        ? WITHOUT_PPK
        : undefined;
  const files = lacks === undefined ? MAKERS[context.for](site.value) : err(lacks);
  wipe(psk, ppk?.octets);
  if (files.ok) return files;
  return err(`${localId} for ${context.for}: ${files.error}`);
}

/** Routers for which this command knows how IKEv1 is configured. */
const WITH_IKEV1: ReadonlySet<RemoteKind> = new Set(["strongswan", "libreswan", "saros"]);
const WITHOUT_IKEV1 =
  "the eroute allows only IKEv1, for which its set-up is not known here: allow IKEv2, or do it " +
  "by hand";

/** Routers that support PPKs. */
const WITH_PPK: ReadonlySet<RemoteKind> = new Set(["strongswan", "libreswan"]);
const WITHOUT_PPK = "it does not support PPKs (RFC 8784), and this site has to use one";

function remoteSiteOf(
  rows: readonly PeerRow[],
  { config, settings, address }: RemoteContext,
): Result<RemoteSite, string> {
  const [row] = rows;
  const peerid = row?.peerid ?? "";
  const match = matchConfigured(config.plan, peerid);
  if (match.kind !== "base" || match.egroup.name !== settings.egroup) {
    return err(`no base eroute of egroup ${settings.egroup} matches "${peerid}"`);
  }
  // A disabled row is prepared for the day on which it is enabled.
  const { passwordFormat = "auto" } = match.egroup;
  const enabled = rows.map((one) => ({ ...one, disabled: null }));
  const made = dynamicErouteOf(match.eroute, match.egroup, asPeerId(peerid), enabled);
  if (!made.ok) return err(made.error.detail);
  const { base, psk, ppk, ourid, localSubnets, remoteSubnets, own } = made.value;
  if (psk === undefined || base.auth.own.kind !== "psk" || base.auth.peer.kind === "certificate") {
    wipe(psk, ppk?.key);
    return err(`eroute ${base.name} does not use pre-shared keys at both ends: do it by hand`);
  }
  const concentrator = address ?? ourid;
  if (concentrator === undefined || !isHost(concentrator)) {
    wipe(psk, ppk?.key);
    return err("say where sites reach this concentrator: --address HOST");
  }
  const { v1, v2 } = base.versions;
  const phase1 = v2 || v1 === undefined ? undefined : v1.mode === "main" ? "main" : "aggressive";
  const remotePpk = phase1 === undefined ? remotePpkOf(row, base.ppk, ppk) : undefined;
  const ids = [peerid, ourid ?? ""].filter((id) => id !== "");
  const unfit = ids.find((id) => !isOrdinaryId(id)) ?? unfitPpkId(remotePpk);
  if (unfit !== undefined) {
    wipe(psk, ppk?.key);
    return err(`"${unfit}" is not an ID that every router can be given: configure it by hand`);
  }
  return ok({
    localId: peerid,
    remoteId: ourid,
    concentrator,
    // Our subnets are the site's remote ones.
    localSubnets: remoteSubnets,
    remoteSubnets: localSubnets,
    password: prefixedPassword(row?.password ?? "", passwordFormat),
    psk,
    ppk: remotePpk,
    phase1,
    ike: phase1 === undefined ? suitesWith(base.ike, own) : (v1?.ike ?? []),
    esp: phase1 === undefined ? base.esp : (v1?.esp ?? []),
    livenessSeconds: secondsOf(base.livenessMs),
    ikeLifetimeSeconds: secondsOf(base.life.ikeLifetimeMs) ?? 0,
    lifetimeSeconds: own.lifetimeSeconds ?? base.child.lifetimeSeconds,
    mobike: base.life.mobike,
  });
}

function remotePpkOf(
  row: PeerRow | undefined,
  rule: BaseEroute["ppk"],
  ppk: Ppk | undefined,
): RemotePpk | undefined {
  if (row === undefined || ppk === undefined || rule === "off") return undefined;
  const id = filled(row.ppk_id) ?? row.peerid;
  const isRequired = isPpkRequired(rule, true);
  return { text: row.ppk ?? "", id, octets: ppk.key, isRequired };
}

/** Routers would read an address as such, and octets are written differently everywhere. */
function unfitPpkId(ppk: RemotePpk | undefined): string | undefined {
  if (ppk === undefined) return undefined;
  const isText = isOrdinaryId(ppk.id) && !/^0[xs]/.test(ppk.id);
  return isText && parseAddress(ppk.id) === undefined ? undefined : ppk.id;
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.max(1, Math.round(ms / 1000));
}

/** A name, an address, or a mail address: no router mistakes these for something else. */
function isOrdinaryId(id: string): boolean {
  return isHost(id) || /^[A-Za-z0-9._+-]+(@[A-Za-z0-9._-]+)?$/.test(id);
}

function isHost(text: string): boolean {
  return parseAddress(text) !== undefined || /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/.test(text);
}

/** Readable by their owner only: they contain a key. No existing file is overwritten. */
function writeFiles(files: readonly RemoteFile[], folder: string, terminal: Terminal): ExitCode {
  const named = files.map(({ path, text }) => {
    return { file: join(folder, basename(path ?? "commands.txt")), text };
  });
  const present = named.find(({ file }) => existsSync(file));
  if (present !== undefined) return failure(terminal, printable(`${present.file} exists already`));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const { file, text } of named) {
      writeFileSync(file, text, { mode: 0o600, flag: "wx" });
      chmodSync(file, 0o600);
      terminal.err(printable(`${file}: written`));
    }
    return EXIT.ok;
  } catch (error) {
    return failure(terminal, printable(String(error)));
  }
}

const MAKERS: Readonly<
  Record<RemoteKind, (site: RemoteSite) => Result<readonly RemoteFile[], string>>
> = {
  strongswan: strongswanFiles,
  libreswan: libreswanFiles,
  openwrt: openwrtFiles,
  saros: sarosFiles,
  mikrotik: mikrotikFiles,
};

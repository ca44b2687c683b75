/** `erouted peers`: its commands, options and help. */

import { type Command, Option } from "commander";
import { configOption, type Declaration, peerIdOf } from "../declaration.ts";
import { declarePeersReload } from "../declare-control.ts";
import { declareChanges } from "./declare-change.ts";
import type { ExportOptions } from "./export.ts";
import type { ImportOptions } from "./import.ts";
import { egroupOption, NO_PASSWORD_OPTION } from "./peers-options.ts";
import type { RemoteKind, RemoteOptions } from "./remote-config.ts";
import type { PeersOptions } from "./rows.ts";

type Actions = Omit<Declaration, "program">;

/** `peers` and its sub-commands. */
export function declarePeers({ program, terminal, ends }: Declaration): void {
  const peers = program
    .command("peers")
    .description("create, fill and show the table of sites of an egroup")
    .helpCommand("help [command]", "print help on a command");
  peers
    .command("init")
    .description("create the table, if it does not exist")
    .addOption(configOption())
    .addOption(egroupOption())
    .option("--json", "print whether it was created, as JSON")
    .action(
      ends(async (options: { config: string; egroup?: string; json?: true }) => {
        const { initPeers } = await import("./rows.ts");
        return initPeers(options, terminal);
      }),
    );
  declarePeersAdd({ program: peers, terminal, ends });
  declarePeersReload({ program: peers, terminal, ends });
  declareRows(peers, { terminal, ends });
  declareFiles(peers, { terminal, ends });
  declareRemoteConfig(peers, { terminal, ends });
}

function declareFiles(peers: Command, { terminal, ends }: Actions): void {
  peers
    .command("import")
    .description("add the rows of a CSV or JSON file; if one is refused, nothing is written")
    .argument("<file>", "its first line has the column names; - is standard input")
    .addOption(configOption())
    .addOption(egroupOption())
    .addOption(formatOption())
    .option("--update", "change existing rows; columns that the file lacks stay unchanged")
    .option("--generate", "make a strong key for each new row without one")
    .option("--allow-overlap", "accept rows with the subnet of another row")
    .option("--dry-run", "say what would be added and changed, and write nothing")
    .option("--json", "print what is done to each row, as JSON")
    .action(
      ends(async (file: string, options: Omit<ImportOptions, "file">) => {
        const { importPeers } = await import("./import.ts");
        return importPeers({ ...options, file }, terminal);
      }),
    );
  peers
    .command("export")
    .description("write all rows as CSV or JSON, without keys")
    .argument("[file]", "the file to write, mode 600; default: standard output")
    .addOption(configOption())
    .addOption(egroupOption())
    .addOption(formatOption())
    .option("--json", "the same as --format json: one object on each line")
    .option("--with-passwords", "with the pre-shared keys: a reader can pose as each of the sites")
    .option("--force", "replace an existing file")
    .action(
      ends(async (file: string | undefined, options: Omit<ExportOptions, "file">) => {
        const { exportPeers } = await import("./export.ts");
        return exportPeers({ ...options, ...(file === undefined ? {} : { file }) }, terminal);
      }),
    );
}

function formatOption(): Option {
  return new Option("--format <format>", "default: by the file's name or content").choices([
    "csv",
    "json",
  ]);
}

function declareRows(peers: Command, { terminal, ends }: Actions): void {
  peers
    .command("check")
    .description("check all rows as the daemon does; say which it refuses, and why")
    .addOption(configOption())
    .addOption(egroupOption())
    .option("--json", "all points as one JSON object")
    .action(
      ends(async (options: { config: string; egroup?: string; json?: true }) => {
        const { checkPeers } = await import("./check.ts");
        return checkPeers(options, terminal);
      }),
    );
  peers
    .command("show")
    .description("show a site's row without its password, and the resulting eroute")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .addOption(configOption())
    .addOption(egroupOption())
    .option("--json", "as one JSON object")
    .action(
      ends(async (peerid: string, options: { config: string; egroup?: string; json?: true }) => {
        const { showPeer } = await import("./check.ts");
        return showPeer({ ...options, peerid }, terminal);
      }),
    );
  peers
    .command("list")
    .description("show the rows, without passwords")
    .addOption(configOption())
    .addOption(egroupOption())
    .option("--json", "one JSON object on each line")
    .action(
      ends(async (options: { config: string; egroup?: string; json?: true }) => {
        const { listPeers } = await import("./rows.ts");
        return listPeers(options, terminal);
      }),
    );
  declareChanges(peers, { terminal, ends });
}

function declarePeersAdd({ program, terminal, ends }: Declaration): void {
  program
    .command("add")
    .description("add a site's row, after checking it against the base eroute")
    .option("--peerid <id>", "the ID that the site presents")
    .option("--remip <subnet>", "its subnet: 192.168.1.0 or 192.168.1.0/24; or several")
    .option("--remmsk <mask>", "mask of its subnet, if remip has none: 255.255.255.0")
    .option("--peerip <host>", "where to call it: an address or host name")
    .option("--bakpeerip <host>", "where to call it if that fails")
    .option("--ourid <id>", "the ID that we present to it; default: the base eroute's")
    .option("--locip <subnets>", "part of our local subnet that it can reach; default: all of it")
    .option("--lifetime <time>", "age at which Child SAs are rekeyed; default: the base eroute's")
    .option("--inactivity <time>", "idle time after which it is closed; default: the base eroute's")
    .option("--if-id <id>", "its XFRM interface ID; default: the base eroute's")
    .option("--disabled", "refuse it until the column disabled is 0")
    .option("--password-file <file>", "file with its pre-shared key")
    .option("--password-stdin", "read its pre-shared key from standard input")
    .option("--generate", "make a strong pre-shared key, and print it (only this once)")
    .option("--ppk", "with --generate: make a post-quantum key as well (RFC 8784)")
    .option("--ppk-file <file>", "file with its post-quantum key")
    .option("--post-quantum", "refuse it without a post-quantum key exchange (ML-KEM)")
    .option("--ppk-id <id>", "the name of that key at both ends; default: its peer ID")
    .addOption(
      new Option("--print <router>", "print its router's configuration, with the key").choices(
        REMOTE_KINDS,
      ),
    )
    .addOption(addressOption())
    .option("--allow-overlap", "add it even if another row has the same subnet")
    .option("--json", "print what was added, with a generated key, as JSON")
    .addOption(new Option("--password <key>").hideHelp())
    .addOption(configOption())
    .addOption(egroupOption())
    .addHelpText("after", NO_PASSWORD_OPTION)
    .action(
      ends(async (options: Parameters<typeof import("./add.ts").addPeer>[0]) => {
        const { addPeer } = await import("./add.ts");
        return addPeer(options, terminal);
      }),
    );
}

function declareRemoteConfig(peers: Command, { terminal, ends }: Actions): void {
  peers
    .command("remote-config")
    .description("print the configuration of a site's own router, with its key")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .addOption(
      new Option("--for <router>", "which router").choices(REMOTE_KINDS).makeOptionMandatory(),
    )
    .addOption(addressOption())
    .option("--output <folder>", "write its files there, mode 600, instead of printing them")
    .option("--json", "print the same as JSON")
    .addOption(configOption())
    .addOption(egroupOption())
    .action(
      ends(async (peerid: string, options: PeersOptions & RemoteOptions) => {
        const { remoteConfig } = await import("./remote-config.ts");
        return remoteConfig({ ...options, peerid }, terminal);
      }),
    );
}

const REMOTE_KINDS: readonly RemoteKind[] = [
  "strongswan",
  "libreswan",
  "openwrt",
  "saros",
  "mikrotik",
];

function addressOption(): Option {
  return new Option("--address <host>", "where sites reach this concentrator; default: its own ID");
}

/** `erouted peers remove|set|disable|enable`: their options and help. */

import { type Command, Option } from "commander";
import { CA_FILE, configOption, type Declaration, peerIdOf } from "../declaration.ts";
import { egroupOption, NO_PASSWORD_OPTION } from "./peers-options.ts";
import type { ChangeOptions, SetOptions } from "./set.ts";

type Actions = Omit<Declaration, "program">;
type Without<T> = Omit<T, "peerid">;

/** The commands that change the row of one site. */
export function declareChanges(peers: Command, { terminal, ends }: Actions): void {
  declareSet(peers, { terminal, ends });
  telling(peers.command("disable"))
    .description("refuse a site until it is enabled; a running erouted closes it at once")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .action(
      ends(async (peerid: string, options: Without<ChangeOptions>) => {
        const { disablePeer } = await import("./set.ts");
        return disablePeer({ ...options, peerid }, terminal);
      }),
    );
  telling(peers.command("enable"))
    .description("let a site that is disabled connect again")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .option("--allow-overlap", "even if another row has the same subnet")
    .action(
      ends(async (peerid: string, options: Without<ChangeOptions>) => {
        const { enablePeer } = await import("./set.ts");
        return enablePeer({ ...options, peerid }, terminal);
      }),
    );
  telling(peers.command("remove"))
    .description("remove a site's row; a running erouted closes the site at once")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .action(
      ends(async (peerid: string, options: Without<ChangeOptions>) => {
        const { removePeer } = await import("./rows.ts");
        return removePeer({ ...options, peerid }, terminal);
      }),
    );
}

function declareSet(peers: Command, { terminal, ends }: Actions): void {
  telling(peers.command("set"))
    .description("change columns of a site's row, checked like a new one; applies at once")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .argument("[settings...]", "NAME=VALUE: peerip=192.0.2.7; NAME= empties the column")
    .option("--password-file <file>", "file with its new pre-shared key")
    .option("--password-stdin", "read its new pre-shared key from standard input")
    .option("--generate", "make a new strong pre-shared key, and print it (only this once)")
    .option("--ppk", "with --generate: make a post-quantum key as well (RFC 8784)")
    .option("--ppk-file <file>", "file with its new post-quantum key")
    .option("--allow-overlap", "even if another row has the same subnet")
    .addOption(new Option("--password <key>").hideHelp())
    .addHelpText("after", NO_PASSWORD_OPTION)
    .action(
      ends(
        async (
          peerid: string,
          settings: readonly string[],
          options: Omit<SetOptions, "peerid" | "settings">,
        ) => {
          const { setPeer } = await import("./set.ts");
          return setPeer({ ...options, peerid, settings }, terminal);
        },
      ),
    );
}

/** The options of every command that writes a row and informs a running daemon. */
function telling(command: Command): Command {
  return command
    .addOption(configOption())
    .addOption(egroupOption())
    .option("--url <url>", "where erouted listens; default: status.listen of the configuration")
    .option("--token-file <file>", "operate token; default: status.operate_token_file")
    .option("--ca-file <file>", CA_FILE)
    .option("--json", "print what was changed, as JSON");
}

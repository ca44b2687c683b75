/** The commands that make a running daemon do something: their options and help. */

import { Argument, type Command } from "commander";
import { LOG_LEVELS } from "../config/log-level.ts";
import type { CaptureOptions } from "./capture.ts";
import type {
  ConnectOptions,
  ControlOptions,
  PeerOptions,
  RedirectOptions,
  RekeyOptions,
  ReloadOptions,
} from "./control.ts";
import type { DebugOptions } from "./debug.ts";
import { CA_FILE, configOption, type Declaration, peerIdOf } from "./declaration.ts";

type Without<T> = Omit<T, "peerid">;

/** `connect`, `disconnect`, `rekey` and `reload`. */
export function declareControl({ program, terminal, ends }: Declaration): void {
  asking(program.command("connect"))
    .description("make a running erouted call a site")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .option("--wait [seconds]", "wait until it is connected, 60 s or as given, or say why not")
    .action(
      ends(async (peerid: string, options: Without<ConnectOptions>) => {
        const { connectPeer } = await import("./control.ts");
        return connectPeer({ ...options, peerid }, terminal);
      }),
    );
  asking(program.command("disconnect"))
    .description("make a running erouted close a site's IKE SAs, with a Delete")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .action(
      ends(async (peerid: string, options: Without<PeerOptions>) => {
        const { disconnectPeer } = await import("./control.ts");
        return disconnectPeer({ ...options, peerid }, terminal);
      }),
    );
  asking(program.command("rekey"))
    .description("make a running erouted rekey a site's Child SAs")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .option("--ike", "its IKE SA instead")
    .action(
      ends(async (peerid: string, options: Without<RekeyOptions>) => {
        const { rekeyPeer } = await import("./control.ts");
        return rekeyPeer({ ...options, peerid }, terminal);
      }),
    );
  declareRedirect({ program, terminal, ends });
  asking(program.command("debug"))
    .description("make a running erouted log every message of a site for a while")
    .argument("<peerid>", "its peer ID; or an address", peerIdOf)
    .addArgument(new Argument("<on|off>", "start or stop").choices(["on", "off"]))
    .option("--for <time>", 'how long, such as "2h"', "30m")
    .action(
      ends(
        async (
          peerid: string,
          state: "on" | "off",
          options: Omit<DebugOptions, "peerid" | "state">,
        ) => {
          const { debug } = await import("./debug.ts");
          return debug({ ...options, peerid, state }, terminal);
        },
      ),
    );
  declareCapture({ program, terminal, ends });
  asking(program.command("log-level"))
    .description("set the log level of a running erouted, until the next reload")
    .addArgument(new Argument("<level>", "the lowest level to log").choices(LOG_LEVELS))
    .action(
      ends(async (level: string, options: ControlOptions) => {
        const { logLevel } = await import("./debug.ts");
        return logLevel({ ...options, level }, terminal);
      }),
    );
  asking(program.command("reload"))
    .description("make a running erouted read its configuration file again, as SIGHUP does")
    .option("--force", "even if it closes more sites than reload.close_percent_max allows")
    .option("--dry-run", "change nothing; say what a reload would close")
    .option("--pid <pid>", "send SIGHUP to this process and wait for the result; needs no token")
    .action(
      ends(async (options: ReloadOptions) => {
        const { reload } = await import("./control.ts");
        return reload(options, terminal);
      }),
    );
}

function declareRedirect({ program, terminal, ends }: Declaration): void {
  asking(program.command("redirect"))
    .description("make a running erouted redirect one site, or all, to another gateway (RFC 5685)")
    .argument("[peerid]", "its peer ID", peerIdOf)
    .option("--to <gateway>", "the other gateway: an IP address or a host name")
    .option("--all", "all that are connected, one by one, and all that call later")
    .option("--stop", "stop redirecting")
    .action(
      ends(async (peerid: string | undefined, options: Omit<RedirectOptions, "peerid">) => {
        const { redirectPeers } = await import("./control.ts");
        return redirectPeers(peerid === undefined ? options : { ...options, peerid }, terminal);
      }),
    );
}

function declareCapture({ program, terminal, ends }: Declaration): void {
  program
    .command("capture")
    .description("write the IKE messages of a site to a pcapng file, for Wireshark")
    .argument("<peerid>", "its peer ID; or an address", peerIdOf)
    .option("--out <file>", "the file to write; default: PEERID.pcapng")
    .option("--keys <file>", "also write its keys for Wireshark; needs status.allow_key_export")
    .option("--for <time>", 'how long, at most "1h"', "60s")
    .addOption(configOption())
    .option("--url <url>", "where it listens; default: status.listen of the configuration")
    .option("--token-file <file>", "operate token; default: status.operate_token_file")
    .option("--ca-file <file>", CA_FILE)
    .option("--json", "print the file and its length as JSON")
    .action(
      ends(async (peerid: string, options: Omit<CaptureOptions, "peerid">) => {
        const { capture } = await import("./capture.ts");
        return capture({ ...options, peerid }, terminal);
      }),
    );
}

/** `peers reload`. */
export function declarePeersReload({ program, terminal, ends }: Declaration): void {
  asking(program.command("reload"))
    .description("make a running erouted read a site's row again and apply the changes")
    .argument("<peerid>", "its peer ID", peerIdOf)
    .action(
      ends(async (peerid: string, options: Without<PeerOptions>) => {
        const { reloadPeer } = await import("./control.ts");
        return reloadPeer({ ...options, peerid }, terminal);
      }),
    );
}

function asking(command: Command): Command {
  return command
    .addOption(configOption())
    .option("--url <url>", "where it listens; default: status.listen of the configuration")
    .option("--token-file <file>", "operate token; default: status.operate_token_file")
    .option("--ca-file <file>", CA_FILE)
    .option("--json", "print its answer as JSON");
}

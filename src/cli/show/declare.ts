/** The commands that show what a running daemon knows: their options and help. */

import { Option } from "commander";
import { type Declaration, peerIdOf, reading } from "../declaration.ts";
import type { WhyOptions } from "../why.ts";
import type { EventsOptions } from "./events.ts";
import type { SaOptions } from "./sa.ts";
import type { StatusOptions } from "./status.ts";
import type { TunnelsOptions } from "./tunnels.ts";

/** `status`, `tunnels`, `sa`, `events` and `why`. */
export function declareShow(declaration: Declaration): void {
  declareStatus(declaration);
  declareTunnels(declaration);
  declareSa(declaration);
  declareEvents(declaration);
  declareWhy(declaration);
}

function declareStatus({ program, terminal, ends }: Declaration): void {
  reading(program.command("status"))
    .description("show problems, databases and tunnels of a running erouted")
    .action(
      ends(async (options: StatusOptions) => {
        const { status } = await import("./status.ts");
        return status(options, terminal);
      }),
    );
}

function declareTunnels({ program, terminal, ends }: Declaration): void {
  reading(program.command("tunnels"))
    .description("show the eroutes in use, dynamic and normal ones")
    .argument("[text]", "only with this in peer ID, name, address or subnet")
    .option("--eroute <name>", "only of this base eroute, or this normal one")
    .addOption(
      new Option("--state <state>", "only in this state").choices([
        "negotiating",
        "established",
        "closing",
      ]),
    )
    .addOption(
      new Option("--sort <key>", "in order of this, instead of creation").choices(SORT_KEYS),
    )
    .option("--reverse", "the last one first")
    .option("--watch [seconds]", "look again every 2 s, or as given, until Ctrl-C")
    .action(
      ends(async (text: string | undefined, options: Omit<TunnelsOptions, "text">) => {
        const { tunnels } = await import("./tunnels.ts");
        return tunnels({ ...options, ...(text === undefined ? {} : { text }) }, terminal);
      }),
    );
}

function declareSa({ program, terminal, ends }: Declaration): void {
  reading(program.command("sa"))
    .description("show IKE SAs and Child SAs: SPIs, algorithms, ages, traffic, NAT")
    .argument("[peerid]", "only those of this site", peerIdOf)
    .action(
      ends(async (peerid: string | undefined, options: Omit<SaOptions, "peerid">) => {
        const { sa } = await import("./sa.ts");
        return sa({ ...options, ...(peerid === undefined ? {} : { peerid }) }, terminal);
      }),
    );
}

function declareEvents({ program, terminal, ends }: Declaration): void {
  reading(program.command("events"))
    .description("show the last 100 events, or those since a time; --json: one a line")
    .option("-f, --follow", "go on with those that come, until Ctrl-C")
    .option("--site <peerid>", "only of this site")
    .addOption(new Option("--level <level>", "only of this level and graver").choices(LEVELS))
    .option("--since <time>", "30s, 10m, 2h, 1d ago; or a time: 2030-01-31T08:00:00Z")
    .action(
      ends(async (options: EventsOptions) => {
        const { events } = await import("./events.ts");
        return events(options, terminal);
      }),
    );
}

function declareWhy({ program, terminal, ends }: Declaration): void {
  reading(program.command("why"))
    .description("explain why a site is or is not connected, and what to do; or who is not")
    .argument(
      "[peerid]",
      "its peer ID; or an address, for what came from there; else all who are not connected",
      peerIdOf,
    )
    .action(
      ends(async (peerid: string | undefined, options: Omit<WhyOptions, "peerid">) => {
        if (peerid === undefined) {
          const { whoIsNot } = await import("./not-connected.ts");
          return whoIsNot(options, terminal);
        }
        const { why } = await import("../why.ts");
        return why({ ...options, peerid }, terminal);
      }),
    );
}

const SORT_KEYS: readonly NonNullable<TunnelsOptions["sort"]>[] = [
  "peerid",
  "eroute",
  "state",
  "age",
  "address",
  "received",
  "sent",
];
const LEVELS: readonly NonNullable<EventsOptions["level"]>[] = [
  "debug",
  "info",
  "warning",
  "error",
];

/** The commands that show the state of a running daemon: their options and help. */

import { Option } from "commander";
import { LOG_LEVELS } from "../../config/log-level.ts";
import { type Declaration, peerIdOf, reading } from "../declaration.ts";
import type { WhyOptions } from "../why.ts";
import type { EventsOptions } from "./events.ts";
import type { WhoOptions } from "./not-connected.ts";
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
    .argument("[text]", "only those with this text in peer ID, name, address or subnet")
    .option("--eroute <name>", "only those of this base or normal eroute")
    .addOption(
      new Option("--state <state>", "only in this state").choices([
        "negotiating",
        "established",
        "closing",
      ]),
    )
    .option(
      "--with <algorithm>",
      "only with this one: mlkem768, modp, pq (any post-quantum), legacy",
    )
    .option("--without <algorithm>", "only without it: also ppk, downgrade-prevention, ikev1")
    .addOption(
      new Option("--sort <key>", "sort by this instead of the time of creation").choices(SORT_KEYS),
    )
    .option("--reverse", "reverse the order")
    .option("--watch [seconds]", "refresh every 2 s, or as given, until Ctrl-C")
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
    .description("show the last 100 events, or those since a time; --json: one on each line")
    .option("-f, --follow", "then show new ones as they happen, until Ctrl-C")
    .option("--site <peerid>", "only those of this site")
    .addOption(
      new Option("--level <level>", "this level and more serious ones").choices(LOG_LEVELS),
    )
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
    .description(
      "say why a site is or is not connected, and what to do; or list those that are not",
    )
    .argument(
      "[peerid]",
      "its peer ID, or an address that calls; default: all sites that are not connected",
      peerIdOf,
    )
    .option("--offers <algorithm>", "of the list: only those that offered it and were refused")
    .action(
      ends(async (peerid: string | undefined, options: Omit<WhyOptions, "peerid"> & WhoOptions) => {
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

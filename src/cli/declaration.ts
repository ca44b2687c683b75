/** What all commands are declared with. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { ExitCode, Terminal } from "./terminal.ts";

/** What a command is declared with. */
export type Declaration = {
  readonly program: Command;
  readonly terminal: Terminal;
  /** Makes an action of a command whose promise is its exit code. */
  readonly ends: <A extends unknown[]>(
    command: (...args: A) => Promise<ExitCode>,
  ) => (...args: A) => Promise<void>;
};

/** Where the configuration is. */
export function configOption(): Option {
  return new Option("-c, --config <file>", "configuration file").default(
    "/etc/erouted/erouted.toml",
  );
}

/** What every command has that reads from a running daemon. */
export function reading(command: Command): Command {
  return command
    .addOption(configOption())
    .option("--url <url>", "where it listens; else the status.listen of the configuration")
    .option("--token-file <file>", "bearer token; else the configuration's")
    .option("--ca-file <file>", CA_FILE)
    .option("--json", "print what it answers, as JSON");
}

/** A peer ID as an argument: what an address of the HTTP API cannot carry is none. */
export function peerIdOf(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It is empty.");
  if (/^\.\.?$/.test(text)) throw new InvalidArgumentError("Nobody can be called that.");
  return text;
}

/** What `--ca-file` is for. */
export const CA_FILE = "certificates to trust; else the configuration's, or the system's";

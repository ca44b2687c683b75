/** What the declarations of all commands share. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { ExitCode, Terminal } from "./terminal.ts";

/** What a command is declared with. */
export type Declaration = {
  readonly program: Command;
  readonly terminal: Terminal;
  /** Makes the action of a command from a promise of its exit code. */
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

/** The options of every command that reads from a running daemon. */
export function reading(command: Command): Command {
  return command
    .addOption(configOption())
    .option("--url <url>", "where it listens; default: status.listen of the configuration")
    .option("--token-file <file>", "bearer token; default: that of the configuration")
    .option("--ca-file <file>", CA_FILE)
    .option("--json", "print its answer as JSON");
}

/** A peer ID as an argument; one that cannot be part of an address of the HTTP API is refused. */
export function peerIdOf(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It is empty.");
  if (/^\.\.?$/.test(text)) throw new InvalidArgumentError("No site can have this ID.");
  return text;
}

/** What `--ca-file` is for. */
export const CA_FILE = "certificates to trust; default: the configuration's, or the system's";

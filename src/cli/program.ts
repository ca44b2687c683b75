/** The command line: commands, options, help, and what a mistake in them ends with. */

import { Command, CommanderError } from "commander";
import packageJson from "../../package.json";
import { configOption, type Declaration } from "./declaration.ts";
import { declareControl } from "./declare-control.ts";
import { declareImport } from "./declare-import.ts";
import { declarePeers } from "./declare-peers.ts";
import { declareShow } from "./declare-show.ts";
import { EXIT, type ExitCode, type Terminal } from "./terminal.ts";

/** Runs the command that the arguments name; never rejects. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const ending: Ending = { code: EXIT.ok };
  try {
    await createProgram(terminal, ending).parseAsync([...args], { from: "user" });
    return ending.code;
  } catch (error) {
    // Commander has said what is wrong already; help and version end the same way, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    terminal.err(`erouted: ${error instanceof Error ? error.message : error}`);
    return EXIT.failed;
  }
}

/** Where a command leaves its exit code. */
type Ending = { code: ExitCode };

function createProgram(terminal: Terminal, ending: Ending): Command {
  const program = new Command("erouted");
  program
    .description("IKE VPN concentrator: sites in MySQL, ESP in the Linux kernel")
    .version(packageJson.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help on a command")
    .helpCommand("help [command]", "print help on a command")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .addHelpText("afterAll", EXIT_CODES);
  const declaration: Declaration = {
    program,
    terminal,
    ends:
      (command) =>
      async (...args) => {
        ending.code = await command(...args);
      },
  };
  // Each command loads what it needs only when it runs: help and mistakes are answered at once.
  declareRun(declaration);
  declareCheck(declaration);
  declareShow(declaration);
  declareControl(declaration);
  declarePeers(declaration);
  declareImport(declaration);
  return program;
}

function declareRun({ program, terminal, ends }: Declaration): void {
  program
    .command("run")
    .description("run the concentrator until SIGTERM or SIGINT")
    .addOption(configOption())
    .action(
      ends(async (options: { config: string }) => {
        const { run } = await import("./run.ts");
        return run(options, terminal);
      }),
    );
}

function declareCheck({ program, terminal, ends }: Declaration): void {
  program
    .command("check")
    .description("check configuration, databases, kernel and ports without starting anything")
    .addOption(configOption())
    .option("--offline", "check the configuration only")
    .action(
      ends(async (options: { config: string; offline?: true }) => {
        const { check } = await import("./check.ts");
        return check(options, terminal);
      }),
    );
}

const EXIT_CODES = `
Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 faults in the configuration,
4 the site is not connected (why, sa)`;

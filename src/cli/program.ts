/** The command line: commands, options, help, and the exit codes of mistakes in them. */

import { Argument, Command, CommanderError } from "commander";
import packageJson from "../../package.json";
import type { CheckOptions } from "./check.ts";
import { type CommandInfo, commandTree } from "./command-tree.ts";
import type { Shell } from "./completion.ts";
import { configOption, type Declaration } from "./declaration.ts";
import { declareControl } from "./declare-control.ts";
import { declareImport } from "./declare-import.ts";
import { declarePeers } from "./peers/declare.ts";
import { declareShow } from "./show/declare.ts";
import { EXIT, EXIT_MEANINGS, type ExitCode, type Terminal } from "./terminal.ts";

/** Runs the command that the arguments name; never rejects. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const ending: Ending = { code: EXIT.ok };
  try {
    await createProgram(terminal, ending).parseAsync([...args], { from: "user" });
    return ending.code;
  } catch (error) {
    // Commander has already said what is wrong; help and version end the same way, with 0.
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
      // In the form of every other fault.
      writeErr: (text) => terminal.err(text.trimEnd().replace(/^error: /, "erouted: ")),
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
  // Each command loads what it needs only when it runs, so help and mistakes are answered at once.
  declareRun(declaration);
  declareCheck(declaration);
  declareUpgrade(declaration);
  declareShow(declaration);
  declareControl(declaration);
  declarePeers(declaration);
  declareImport(declaration);
  declareCompletion(declaration);
  return program;
}

/** All commands as they are declared. */
export function declaredCommands(): CommandInfo {
  const nobody: Terminal = {
    out: () => {},
    err: () => {},
    columns: undefined,
    stdin: () => Promise.resolve(undefined),
  };
  return commandTree(createProgram(nobody, { code: EXIT.ok }));
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
    .option("--as <user>", "open files with this user's rights; default as root: the service's")
    .option("--json", "all points as one JSON object")
    .action(
      ends(async (options: CheckOptions) => {
        const { check } = await import("./check.ts");
        return check(options, terminal);
      }),
    );
}

function declareUpgrade({ program, terminal, ends }: Declaration): void {
  program
    .command("upgrade")
    .description("replace the running erouted by another executable, which keeps all SAs")
    .argument("<file>", "the new executable; the former one stays beside it")
    .option("--folder <folder>", "runtime folder of the running one; default: /run/erouted")
    .action(
      ends(async (file: string, options: { folder?: string }) => {
        const { upgrade } = await import("./upgrade.ts");
        return upgrade({ ...options, file }, terminal);
      }),
    );
}

/** Completion is generated from all commands, including its own. */
function declareCompletion({ program, terminal, ends }: Declaration): void {
  const completion = program
    .command("completion")
    .description("print the script with which a shell completes commands, options and peer IDs")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action(
      ends(async (shell: Shell) => {
        const { completionScript } = await import("./completion.ts");
        terminal.out(completionScript(commandTree(program), shell).trimEnd());
        return EXIT.ok;
      }),
    );
  completion
    .command("peerids", { hidden: true })
    .argument("[prefix]")
    .addOption(configOption())
    .action(
      ends(async (prefix: string | undefined, options: { config: string }) => {
        const { completePeerIds } = await import("./completion.ts");
        return completePeerIds({ ...options, prefix: prefix ?? "" }, terminal);
      }),
    );
}

const SHELLS = ["bash", "zsh", "fish"];

const EXIT_TEXTS = EXIT_MEANINGS.map(([code, meaning]) => `${code} ${meaning}`);
const EXIT_CODES = `
Exit codes: ${EXIT_TEXTS.slice(0, 4).join(", ")},
${EXIT_TEXTS.slice(4).join(", ")}`;

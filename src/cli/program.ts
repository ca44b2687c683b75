/** The command line: commands, options, help, and what a mistake in them ends with. */

import { Command, CommanderError, Option } from "commander";
import packageJson from "../../package.json";
import { declareControl, declarePeersReload } from "./declare-control.ts";
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

/** What a command is declared with. */
export type Declaration = {
  readonly program: Command;
  readonly terminal: Terminal;
  /** Makes an action of a command whose promise is its exit code. */
  readonly ends: <A extends unknown[]>(
    command: (...args: A) => Promise<ExitCode>,
  ) => (...args: A) => Promise<void>;
};

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
  declareStatus(declaration);
  declareControl(declaration);
  declarePeers(declaration);
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

function declareStatus({ program, terminal, ends }: Declaration): void {
  program
    .command("status")
    .description("show problems, databases and tunnels of a running erouted")
    .addOption(configOption())
    .option("--url <url>", "where it listens; else the status.listen of the configuration")
    .option("--token-file <file>", "bearer token; else the configuration's")
    .option("--json", "print all that it answers, as JSON")
    .action(
      ends(async (options: { config: string; url?: string; tokenFile?: string; json?: true }) => {
        const { status } = await import("./status.ts");
        return status(options, terminal);
      }),
    );
}

function declarePeers({ program, terminal, ends }: Declaration): void {
  const peers = program
    .command("peers")
    .description("create, fill and show the table of sites of an egroup")
    .helpCommand("help [command]", "print help on a command");
  peers
    .command("init")
    .description("create the table, if it is not there")
    .addOption(configOption())
    .addOption(egroupOption())
    .action(
      ends(async (options: { config: string; egroup?: string }) => {
        const { initPeers } = await import("./peers.ts");
        return initPeers(options, terminal);
      }),
    );
  declarePeersAdd({ program: peers, terminal, ends });
  declarePeersReload({ program: peers, terminal, ends });
  peers
    .command("list")
    .description("show the rows, without passwords")
    .addOption(configOption())
    .addOption(egroupOption())
    .option("--json", "one JSON object a line")
    .action(
      ends(async (options: { config: string; egroup?: string; json?: true }) => {
        const { listPeers } = await import("./peers.ts");
        return listPeers(options, terminal);
      }),
    );
  peers
    .command("remove")
    .description("remove a site's row")
    .argument("<peerid>", "its peer ID")
    .addOption(configOption())
    .addOption(egroupOption())
    .action(
      ends(async (peerid: string, options: { config: string; egroup?: string }) => {
        const { removePeer } = await import("./peers.ts");
        return removePeer({ ...options, peerid }, terminal);
      }),
    );
}

function declarePeersAdd({ program, terminal, ends }: Declaration): void {
  program
    .command("add")
    .description("add a site's row, after checking it against the base eroute")
    .option("--peerid <id>", "the ID that the site presents")
    .option("--remip <subnet>", "its subnet: 192.168.1.0 or 192.168.1.0/24")
    .option("--remmsk <mask>", "mask of its subnet, if remip has none: 255.255.255.0")
    .option("--peerip <host>", "where to call it (address or host name)")
    .option("--bakpeerip <host>", "where to call it if that fails")
    .option("--ourid <id>", "our ID towards it; else the base eroute's")
    .option("--password-file <file>", "file with its pre-shared key")
    .option("--password-stdin", "read its pre-shared key from standard input")
    .option("--generate", "make a strong pre-shared key, and print it (only this once)")
    .addOption(new Option("--password <key>").hideHelp())
    .addOption(configOption())
    .addOption(egroupOption())
    .addHelpText("after", NO_PASSWORD_OPTION)
    .action(
      ends(async (options: Parameters<typeof import("./peers-add.ts").addPeer>[0]) => {
        const { addPeer } = await import("./peers-add.ts");
        return addPeer(options, terminal);
      }),
    );
}

function configOption(): Option {
  return new Option("-c, --config <file>", "configuration file").default(
    "/etc/erouted/erouted.toml",
  );
}

function egroupOption(): Option {
  return new Option("--egroup <name>", "whose table, if the configuration has several egroups");
}

const NO_PASSWORD_OPTION = `
The key cannot be given as an option: every user of this host can read command lines in the
process list, and shells keep them in their history.`;

const EXIT_CODES = `
Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 faults in the configuration`;

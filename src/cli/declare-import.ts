/** `erouted import`: its commands, options and help. */

import type { Declaration } from "./declaration.ts";

type Options = { output?: string; report?: string; secrets?: string; json?: true };

/** `import` and its sub-commands. */
export function declareImport({ program, terminal, ends }: Declaration): void {
  program
    .command("import")
    .description("import the configuration of another concentrator")
    .helpCommand("help [command]", "print help on a command")
    .command("saros")
    .description("of a Westermo MR or Digi TransPort router: eroutes, egroups, users, IKE")
    .argument("<file>", "its configuration; - is standard input")
    .option("--output <file>", "where the TOML goes; default: standard output")
    .option("--report <file>", "what became of each line; default: standard error")
    .option("--secrets <folder>", "write clear-text passwords to files in this folder, mode 600")
    .option("--json", "TOML and report as one JSON object on standard output")
    .action(
      ends(async (file: string, options: Options) => {
        const { importSaros } = await import("./import-saros.ts");
        return importSaros({ ...options, file }, terminal);
      }),
    );
}

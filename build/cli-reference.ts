/** Writes docs/cli.md and docs/erouted.8, the manual page, from the declared commands. */

import { join } from "node:path";
import packageJson from "../package.json";
import { type CommandInfo, flattened, type OptionInfo, usageOf } from "../src/cli/command-tree.ts";
import { declaredCommands } from "../src/cli/program.ts";
import { EXIT, EXIT_MEANINGS } from "../src/cli/terminal.ts";

export const CLI_FILE = join(import.meta.dir, "../docs/cli.md");
export const MANUAL_FILE = join(import.meta.dir, "../docs/erouted.8");

/** docs/cli.md. */
export function cliReference(): string {
  return `${MARKDOWN_HEAD}\n${leaves().map(commandText).join("\n")}`;
}

/** docs/erouted.8, in the macros of man(7). */
export function manualPage(): string {
  const tree = declaredCommands();
  return [
    `.TH EROUTED 8 "" "erouted ${packageJson.version}" "System Administration"`,
    ".SH NAME",
    `erouted \\- ${roff(tree.description)}`,
    ".SH SYNOPSIS",
    ".B erouted",
    ".I command",
    "[options]",
    ".SH DESCRIPTION",
    ...SENTENCES.map(roff),
    ".SH COMMANDS",
    ...leaves().flatMap(commandRoff),
    ".SH EXIT STATUS",
    ...EXIT_MEANINGS.flatMap(([code, meaning]) => [".TP", `.B ${code}`, roff(meaning)]),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, text]) => [".TP", `.B ${name}`, roff(text)]),
    ".SH FILES",
    ...FILES.flatMap(([name, text]) => [".TP", `.I ${name}`, roff(text)]),
    ".SH SEE ALSO",
    ".BR ip\\-xfrm (8),",
    ".BR systemctl (1)",
    "",
  ].join("\n");
}

/** Commands that do something; those that only hold others are named by them. */
function leaves(): readonly CommandInfo[] {
  return flattened(declaredCommands()).filter(({ commands }) => commands.length === 0);
}

function commandText(info: CommandInfo): string {
  const { words, description, options } = info;
  const given = info.arguments.map((argument) => {
    const { name, required } = argument;
    return `| \`${required ? `<${name}>` : `[${name}]`}\` | ${escaped(describe(argument))} |`;
  });
  const rows = options
    .filter(({ names }) => !names.includes("--help"))
    .map((option) => `| \`${option.flags}\` | ${escaped(describe(option))} |`);
  const table = [...given, ...rows];
  const head = table.length === 0 ? [] : ["| | |", "| --- | --- |", ...table, ""];
  return [
    `## erouted ${words.join(" ")}`,
    "",
    `\`${usageOf(info)}\`: ${escaped(description)}`,
    "",
    ...head,
  ].join("\n");
}

type Described = Pick<OptionInfo, "description" | "choices"> & { readonly default?: unknown };

function describe({ description, choices, default: otherwise }: Described): string {
  const values = choices.length === 0 ? "" : `: ${choices.join(", ")}`;
  return `${description}${values}${otherwise === undefined ? "" : ` (default: ${otherwise})`}`;
}

function commandRoff(info: CommandInfo): readonly string[] {
  const given = info.arguments.filter(({ description }) => description !== "");
  return [
    `.SS ${roff(usageOf(info))}`,
    roff(info.description),
    ...given.flatMap((one) => [".TP", `.I ${roff(one.name)}`, roff(describe(one))]),
    ...info.options
      .filter(({ names }) => !names.includes("--help"))
      .flatMap((option) => [".TP", `.B ${roff(option.flags)}`, roff(describe(option))]),
  ];
}

/** Minus signs stay what they are, and no line is taken for a request. */
function roff(text: string): string {
  const plain = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(plain) ? `\\&${plain}` : plain;
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

const SENTENCES = [
  "An IKEv2 VPN concentrator: remote sites dial in, each of them is a row of a database table.",
  "run is the daemon; check looks at all that it needs; peers works on the table; import takes",
  "over another concentrator's configuration. All other commands ask a running daemon over its",
  "HTTP API, at the status.listen of the configuration or at --url.",
];

const ENVIRONMENT = [
  ["NO_COLOR", "If it is not empty, nothing is coloured. Colours are for terminals in any case."],
  ["TERM", "Nothing is coloured on a terminal that is dumb."],
] as const;

const FILES = [
  ["/etc/erouted/erouted.toml", "The configuration, unless --config names another."],
  ["/var/lib/erouted", "Where the packages keep an embedded table of sites."],
] as const;

const EXIT_ROWS = EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`);

const MARKDOWN_HEAD = `# Commands

Made by \`make docs\` from what \`erouted help\` shows; \`man erouted\` says the same.

\`run\`, \`check\`, \`peers\` and \`import\` work from the configuration. All other commands ask a
running daemon: the one of the configuration's \`status.listen\`, or the one at \`--url\`. A token
comes from the configuration, or from \`--token-file\`; the configuration's own is not sent to a
\`--url\`.

Results go to standard output, everything else to standard error. With \`--json\` the results are
JSON and nothing else. On a terminal, tables are cut to its width: columns that count less go, and
what is too long ends in an ellipsis; into a pipe or a file they go whole. Colours are for terminals
only, and for none if \`NO_COLOR\` is set. Ctrl-C ends \`--watch\` and \`--follow\` with ${EXIT.ok}.

| exit code | |
| --- | --- |
${EXIT_ROWS.join("\n")}

\`source <(erouted completion bash)\` completes commands, options and the IDs of sites; the packages
bring it along.
`;

if (import.meta.main) {
  await Bun.write(CLI_FILE, cliReference());
  await Bun.write(MANUAL_FILE, manualPage());
}

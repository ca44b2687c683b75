/** The commands as plain data, from which help, completion, manual page and documents are made. */

import type { Argument, Command, Option } from "commander";

export type CommandInfo = {
  /** From below `erouted`: `["peers", "import"]`; empty for the program itself. */
  readonly words: readonly string[];
  readonly description: string;
  readonly arguments: readonly ArgumentInfo[];
  readonly options: readonly OptionInfo[];
  readonly commands: readonly CommandInfo[];
};

export type ArgumentInfo = {
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  readonly choices: readonly string[];
};

export type OptionInfo = {
  /** As in the help: `-c, --config <file>`. */
  readonly flags: string;
  /** Its spellings: `-c`, `--config`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Whether a value follows: always, perhaps, or never. */
  readonly value: "required" | "optional" | "none";
  /** The placeholder: `file`. */
  readonly valueName: string;
  readonly choices: readonly string[];
  readonly default: string | undefined;
};

/** A command with its sub-commands; hidden ones and `help` are left out. */
export function commandTree(command: Command, words: readonly string[] = []): CommandInfo {
  const help = command.createHelp();
  const below = help.visibleCommands(command).filter((inner) => inner.name() !== "help");
  return {
    words,
    description: command.description(),
    arguments: command.registeredArguments.map(argumentInfo),
    options: help.visibleOptions(command).map(optionInfo),
    commands: below.map((inner) => commandTree(inner, [...words, inner.name()])),
  };
}

/** The command itself and all below it, in the order of the help. */
export function flattened(info: CommandInfo): readonly CommandInfo[] {
  return [info, ...info.commands.flatMap(flattened)];
}

/** `erouted peers import [options] <file>`. */
export function usageOf({ words, arguments: given, commands }: CommandInfo): string {
  const names = given.map(({ name, required }) => (required ? `<${name}>` : `[${name}]`));
  const end = commands.length > 0 ? ["<command>"] : ["[options]", ...names];
  return ["erouted", ...words, ...end].join(" ");
}

function argumentInfo(argument: Argument): ArgumentInfo {
  const { required, description, argChoices = [] } = argument;
  return { name: argument.name(), required, description, choices: argChoices };
}

function optionInfo(option: Option): OptionInfo {
  const { flags, description, short, long } = option;
  const [, valueName = ""] = /[<[](\S+?)[>\]]/.exec(flags) ?? [];
  return {
    flags,
    names: [short, long].filter((name) => name != null),
    description,
    value: option.required ? "required" : option.optional ? "optional" : "none",
    valueName,
    choices: option.argChoices ?? [],
    default: typeof option.defaultValue === "string" ? option.defaultValue : undefined,
  };
}

/** `erouted completion`: what a shell offers after Tab, generated from the declared commands. */

import { type CommandInfo, flattened, type OptionInfo } from "./command-tree.ts";
import { type AskOptions, daemonOf, get } from "./daemon-client.ts";
import { listAt, textAt } from "./json-fields.ts";
import { EXIT, type ExitCode, type Terminal } from "./terminal.ts";

export type Shell = "bash" | "zsh" | "fish";

/** The script, to be loaded by the shell. */
export function completionScript(tree: CommandInfo, shell: Shell): string {
  if (shell === "fish") return fishScript(tree);
  return shell === "bash" ? bashScript(tree) : zshScript(tree);
}

/**
 * Prints peer IDs of a running daemon that begin with a prefix, one on each line. Prints nothing if
 * no daemon answers, and no ID that a shell could read as more than a word.
 */
export async function completePeerIds(
  options: AskOptions & { readonly prefix: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const quiet = { ...terminal, err: () => {} };
  const daemon = daemonOf(options, quiet);
  if (!daemon.ok) return EXIT.ok;
  const wanted = options.prefix.toLowerCase();
  const asked = wanted === "" ? "" : `&q=${encodeURIComponent(wanted)}`;
  const behind = wanted === "" ? "" : `&after_peer=${encodeURIComponent(before(wanted))}`;
  const [up, failed, rows] = await Promise.all([
    get(daemon.value, `/api/v1/eroutes?limit=${OFFERED_MAX}${asked}`),
    // People mostly ask about sites that do not get in.
    get(daemon.value, `/api/v1/not-connected?limit=${OFFERED_MAX}${asked}`),
    // Rows come in order of their IDs: those with the same prefix are together.
    get(daemon.value, `/api/v1/peers?limit=${OFFERED_MAX}${behind}`),
  ]);
  const ids = [
    ...(up.ok ? listAt(up.value, "eroutes").map((eroute) => textAt(eroute, "peer_id")) : []),
    ...(failed.ok ? listAt(failed.value, "sites").map((site) => textAt(site, "peer_id")) : []),
    ...(rows.ok ? listAt(rows.value, "peers").map((row) => textAt(row, "peer_id")) : []),
  ];
  const fit = ids.filter((id) => id?.toLowerCase().startsWith(wanted) && HARMLESS.test(id));
  for (const id of [...new Set(fit)].sort()) if (id !== undefined) terminal.out(id);
  return EXIT.ok;
}

/** An ID just before all IDs with this prefix: `site-1` itself is one of them. */
function before(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return `${prefix.slice(0, -1)}${String.fromCharCode(Math.max(0x21, last - 1))}~~~`;
}

const HARMLESS = /^[A-Za-z0-9@._+-]+$/;
const OFFERED_MAX = 200;

/** A line of a `case` for each command. */
function cases(tree: CommandInfo, line: (info: CommandInfo) => string | undefined): string {
  const lines = flattened(tree).map((info) => {
    const text = line(info);
    return text === undefined || text === "" ? [] : [`    "${pathOf(info)}") ${text} ;;`];
  });
  return lines.flat().join("\n");
}

/** `/peers/import`; the program itself is empty. */
function pathOf({ words }: CommandInfo): string {
  return words.map((word) => `/${word}`).join("");
}

function namesOf(options: readonly OptionInfo[]): string {
  return options.flatMap(({ names }) => names).join(" ");
}

/** What can come next at each place, from 0 on: commands, or the choices of an argument. */
function wordsOf(info: CommandInfo, place: number): string {
  const below = place === 0 ? info.commands.map(({ words }) => words.at(-1)) : [];
  return [...below, ...(info.arguments[place]?.choices ?? [])].join(" ");
}

/** A line of a `case` for each place after each command: `"/debug 1"`. */
function argumentCases(
  tree: CommandInfo,
  line: (info: CommandInfo, place: number) => string | undefined,
): string {
  const lines = flattened(tree).flatMap((info) => {
    const places = Math.max(1, info.arguments.length);
    return Array.from({ length: places }, (_, place) => {
      const text = line(info, place);
      return text === undefined ? [] : [`    "${pathOf(info)} ${place}") ${text} ;;`];
    }).flat();
  });
  return lines.join("\n");
}

/** Options whose value is the next word: neither of the two words is an argument. */
function valueOptions(tree: CommandInfo): string {
  const names = flattened(tree).flatMap(({ options }) =>
    options.filter(({ value }) => value === "required").flatMap((option) => option.names),
  );
  return [...new Set(names)].join(" | ");
}

/** What an argument of this name stands for. */
function kindOf(name: string | undefined): "peerid" | "file" | "folder" | undefined {
  if (name === "peerid") return "peerid";
  return name === "file" || name === "folder" ? name : undefined;
}

/**
 * Depends on the last word: what follows an option with a value, which is the same in every
 * command.
 */
function valueCases(tree: CommandInfo, offer: (option: OptionInfo) => string): string {
  const lines = flattened(tree).flatMap((info) =>
    info.options
      .filter(({ value }) => value === "required")
      .flatMap((option) =>
        option.names.map((name) => `    "${pathOf(info)} ${name}") ${offer(option)}; return ;;`),
      ),
  );
  return lines.join("\n");
}

/** The path of commands so far, for bash and zsh, whose `case` is the same. */
function pathCases(tree: CommandInfo): string {
  return flattened(tree)
    .filter(({ words }) => words.length > 0)
    .map((info) => {
      const above = pathOf({ ...info, words: info.words.slice(0, -1) });
      return `      "${above} ${info.words.at(-1)}") at=${pathOf(info)}; n=0; continue ;;`;
    })
    .join("\n");
}

function bashScript(tree: CommandInfo): string {
  const files = (kind: "file" | "folder") =>
    `compopt -o filenames; COMPREPLY=($(compgen -${kind === "file" ? "f" : "d"} -- "$cur"))`;
  const offer = ({ choices, valueName }: OptionInfo) => {
    if (choices.length > 0) return `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur"))`;
    const kind = kindOf(valueName);
    if (kind === "peerid") return "_erouted_peerids";
    if (kind === undefined) return "COMPREPLY=()";
    return files(kind);
  };
  const argument = (info: CommandInfo, place: number) => {
    const words = wordsOf(info, place);
    if (words !== "") return `words="${words}"`;
    const kind = kindOf(info.arguments[place]?.name);
    if (kind === "peerid") return "_erouted_peerids; return";
    return kind === undefined ? undefined : `${files(kind)}; return`;
  };
  return `# bash completion for erouted: source it, or put it into
# /usr/share/bash-completion/completions/erouted
_erouted_peerids() {
  local id
  while read -r id; do COMPREPLY+=("$id"); done \\
    < <(erouted completion peerids "\${config[@]}" -- "$cur" 2>/dev/null)
}
_erouted() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local at= words= i n=0
  local -a config=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      -c | --config) config=(--config "\${COMP_WORDS[i+1]}") ;;
    esac
    case "$at \${COMP_WORDS[i]}" in
${pathCases(tree)}
    esac
    case "\${COMP_WORDS[i]}" in
      ${valueOptions(tree)}) i=$((i + 1)) ;;
      -*) ;;
      *) n=$((n + 1)) ;;
    esac
  done
  case "$at $prev" in
${valueCases(tree, offer)}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${cases(tree, ({ options }) => `words="${namesOf(options)}"`)}
    esac
  else
    case "$at $n" in
${argumentCases(tree, argument)}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _erouted erouted
`;
}

function zshScript(tree: CommandInfo): string {
  const offer = ({ choices, valueName }: OptionInfo) => {
    if (choices.length > 0) return `compadd -- ${choices.join(" ")}`;
    const kind = kindOf(valueName);
    if (kind === "peerid") return "compadd -- $(erouted completion peerids 2>/dev/null)";
    if (kind === undefined) return "_message value";
    return kind === "file" ? "_files" : "_files -/";
  };
  const argument = (info: CommandInfo, place: number) => {
    const words = wordsOf(info, place);
    if (words !== "") return `compadd -- ${words}`;
    const kind = kindOf(info.arguments[place]?.name);
    if (kind === "peerid") return "compadd -- $(erouted completion peerids 2>/dev/null)";
    return kind === undefined ? undefined : "_files";
  };
  return `#compdef erouted
# zsh completion for erouted: put it as _erouted into a folder of $fpath.
_erouted() {
  local at= i n=0
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
${pathCases(tree)}
    esac
    case "\${words[i]}" in
      ${valueOptions(tree)}) i=$((i + 1)) ;;
      -*) ;;
      *) n=$((n + 1)) ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${valueCases(tree, offer)}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    case "$at" in
${cases(tree, ({ options }) => `compadd -- ${namesOf(options)}`)}
    esac
  else
    case "$at $n" in
${argumentCases(tree, argument)}
    esac
  fi
}
_erouted "$@"
`;
}

function fishScript(tree: CommandInfo): string {
  const lines = flattened(tree).flatMap((info) => {
    const at = `-n '__erouted_at "${info.words.join(" ")}"'`;
    const text = (value: string) => `'${value.replaceAll("'", "’")}'`;
    const peers = "'(erouted completion peerids (commandline -ct) 2>/dev/null)'";
    const commands = info.commands.map(
      ({ words, description }) =>
        `complete -c erouted ${at} -f -a ${words.at(-1)} -d ${text(description)}`,
    );
    const places = Math.max(1, info.arguments.length);
    const first = Array.from({ length: places }, (_, place) => {
      const here = `-n '__erouted_at "${info.words.join(" ")}" ${place}'`;
      const { name, choices = [] } = info.arguments[place] ?? {};
      const kind = kindOf(name);
      if (choices.length > 0) return `complete -c erouted ${here} -f -a '${choices.join(" ")}'`;
      if (kind === "peerid") return `complete -c erouted ${here} -f -a ${peers}`;
      return `complete -c erouted ${here} ${kind === undefined ? "-f" : "-F"}`;
    });
    const options = info.options.map(({ names, description, value, choices, valueName }) => {
      const flags = names.map((name) =>
        name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      const takes = value === "required" ? (kindOf(valueName) === undefined ? ["-x"] : ["-r"]) : [];
      const offered = choices.length === 0 ? [] : [`-a '${choices.join(" ")}'`];
      const parts = [...flags, ...takes, ...offered, "-d", text(description)];
      return `complete -c erouted ${at} ${parts.join(" ")}`;
    });
    return [...first, ...commands, ...options];
  });
  return `# fish completion for erouted: put it into ~/.config/fish/completions/erouted.fish
function __erouted_at
  set -l at
  set -l n 0
  set -l value 0
  for word in (commandline -opc)[2..]
    if test $value = 1
      set value 0
    else if contains -- (string join -- ' ' $at $word) ${flattened(tree)
      .filter(({ words }) => words.length > 0)
      .map(({ words }) => `'${words.join(" ")}'`)
      .join(" ")}
      set at $at $word
      set n 0
    else if contains -- $word ${valueOptions(tree).replaceAll(" | ", " ")}
      set value 1
    else if not string match -q -- '-*' $word
      set n (math $n + 1)
    end
  end
  test "$at" = "$argv[1]"; and begin; test (count $argv) = 1; or test $n = $argv[2]; end
end
${lines.join("\n")}
`;
}

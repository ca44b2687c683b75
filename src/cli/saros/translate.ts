/** Converts a whole configuration of the old router to erouted's: TOML, secrets, and a report. */

import { importEgroup, type SarosEgroup } from "./egroup.ts";
import type { Encoding } from "./encoding.ts";
import { importEroute, type SarosEroute, usesIkev1 } from "./eroute.ts";
import { globalSections, ikeInstances, tellIke2 } from "./global.ts";
import { parseSaros, type SarosFault, type SarosLine } from "./lines.ts";
import { mergeEroutes } from "./merge.ts";
import { type Note, none, Settings, toDo } from "./settings.ts";
import { formatToml, type Section } from "./toml.ts";
import { importUsers } from "./users.ts";
import { createVault, fateOfSecret, type Secret, type Vault } from "./vault.ts";

export type Translation = {
  readonly toml: string;
  /** In the order of lines. */
  readonly notes: readonly Note[];
  /** Entities that do not concern IPsec, with their numbers of lines. */
  readonly others: ReadonlyMap<string, number>;
  /** To be written into the folder of secrets, if there is one. */
  readonly secrets: readonly Secret[];
};

export type TranslateOptions = {
  readonly encoding: Encoding;
  /** Folder of the secret files; undefined: no secret is written. */
  readonly secretsFolder: string | undefined;
};

/** Faults are lines that cannot be understood at all: then nothing is converted. */
export function translateSaros(
  text: string,
  { secretsFolder, encoding }: TranslateOptions,
): Translation | { readonly faults: readonly SarosFault[] } {
  const { lines, others, faults } = parseSaros(text);
  if (lines.length + faults.length === 0) return { faults: [{ line: 1, what: NOTHING }] };
  const notes: Note[] = [];
  const entities = instancesOf(lines, notes);
  const of = (entity: string) => entities.filter((settings) => settings.entity === entity);
  const sections: Section[] = [];
  const vault = createVault(secretsFolder, encoding);
  const global = globalSections({ ike: of("ike"), dpd: of("dpd"), defEroute: of("def_eroute") });
  const ike = ikeInstances([...of("ike")], of("eroute").some(usesIkev1));
  tellIke2(of("ike2"));
  const egroups = of("egroup").flatMap((settings) => importEgroup(settings) ?? []);
  const names = new Set<string>();
  const linked = linksOf(egroups);
  const all = of("eroute").flatMap((settings) => {
    const name = nameOf(settings, names);
    const egroup = linked.get(settings.instance)?.name;
    return importEroute(settings, { name, egroup, ...ike, dpdS: global.dpdS }) ?? [];
  });
  const eroutes = mergeEroutes(all);
  tellUnlinked(egroups, eroutes);
  sections.push(...global.sections);
  for (const egroup of egroups) sections.push(egroupSection(egroup, vault));
  sections.push(...eroutes.map((eroute) => eroute.section));
  sections.push(...importUsers(of("user"), eroutes, vault));
  for (const settings of entities) settings.tellRest(() => none("erouted has no counterpart"));
  const wrong = notes.filter(({ kind }) => kind === "wrong").map(faultOf);
  if (faults.length + wrong.length > 0) {
    return { faults: [...faults, ...wrong].sort((a, b) => a.line - b.line) };
  }
  notes.sort((a, b) => a.line - b.line);
  return { toml: formatToml(sections, HEAD), notes, others, secrets: vault.secrets };
}

const NOTHING =
  "no line of eroute, egroup, user, ike, dpd or def_eroute: is it a router's configuration?";

const HEAD = [
  "Imported from the configuration of a Westermo MR or Digi TransPort router.",
  "Sites may come with IKEv1 and IKEv2 (ike_version): change them to IKEv2, then forbid IKEv1.",
  "What could not be taken over is in the report of erouted import saros.",
];

function faultOf({ line, setting, detail }: Note): SarosFault {
  return { line, what: `${setting}: ${detail}` };
}

function instancesOf(lines: readonly SarosLine[], notes: Note[]): readonly Settings[] {
  const found = new Map<string, Settings>();
  for (const line of lines) {
    const key = `${line.entity} ${line.instance}`;
    const settings = found.get(key) ?? new Settings(line, notes);
    found.set(key, settings);
    settings.set(line);
  }
  return [...found.values()];
}

/** A name that erouted accepts, made from the description; no other eroute has it. */
function nameOf(settings: Settings, names: Set<string>): string {
  const described = (settings.get("descr") ?? "")
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9_]+|-+$/g, "")
    .slice(0, 50);
  const plain = described === "" ? `eroute${settings.instance}` : described;
  const name = names.has(plain) ? `${plain}-${settings.instance}` : plain;
  names.add(name);
  return name;
}

/** The egroup of each eroute: the first that names it. */
function linksOf(egroups: readonly SarosEgroup[]): ReadonlyMap<number, SarosEgroup> {
  const links = new Map<number, SarosEgroup>();
  for (const egroup of egroups) {
    const first = links.get(egroup.eroute);
    if (first === undefined) links.set(egroup.eroute, egroup);
    else tellNoEroute(egroup, `eroute ${egroup.eroute} is linked to ${first.name} already`);
  }
  return links;
}

function tellUnlinked(egroups: readonly SarosEgroup[], eroutes: readonly SarosEroute[]): void {
  const instances = new Set(eroutes.map(({ instance }) => instance));
  for (const egroup of egroups) {
    if (instances.has(egroup.eroute)) continue;
    tellNoEroute(egroup, `there is no eroute ${egroup.eroute}, or it was left out`);
  }
}

function tellNoEroute({ settings }: SarosEgroup, why: string): void {
  settings.remark(settings.firstLine, "(all of it)", toDo(`${why}: no site comes to this egroup`));
}

function egroupSection(imported: SarosEgroup, vault: Vault): Section {
  const { name, section: egroup, settings, password } = imported;
  const file = password === undefined ? undefined : vault.putPassword(name, password);
  settings.tell("dbpwd", fateOfSecret(file));
  if (file !== undefined) egroup.keys.set("password_file", file);
  else egroup.comments.push("To do: password_file, a file with the database user's password.");
  return egroup;
}

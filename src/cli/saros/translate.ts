/** A whole configuration of the old router as erouted's: TOML, secrets, and what became of it. */

import { type Egroup, importEgroup } from "./egroup.ts";
import { type Eroute, importEroute } from "./eroute.ts";
import { globalSections, ikeInstances } from "./global.ts";
import { parseSaros, type SarosFault, type SarosLine } from "./lines.ts";
import { type Fate, type Note, none, Settings, taken, toDo } from "./settings.ts";
import { formatToml, type Section, section } from "./toml.ts";

export type Secret = { readonly file: string; readonly text: string };

export type Translation = {
  readonly toml: string;
  /** In the order of lines. */
  readonly notes: readonly Note[];
  /** Entities that have nothing to do with IPsec, and their numbers of lines. */
  readonly others: ReadonlyMap<string, number>;
  /** To be written into the folder of secrets, if there is one. */
  readonly secrets: readonly Secret[];
};

export type TranslateOptions = {
  /** Folder of the secret files; undefined: no secret is written. */
  readonly secretsFolder: string | undefined;
};

/** Faults are lines that cannot be understood at all: then nothing is translated. */
export function translateSaros(
  text: string,
  { secretsFolder }: TranslateOptions,
): Translation | { readonly faults: readonly SarosFault[] } {
  const { lines, others, faults } = parseSaros(text);
  const notes: Note[] = [];
  const entities = instancesOf(lines, notes);
  const of = (entity: string) => entities.filter((settings) => settings.entity === entity);
  const sections: Section[] = [];
  const vault = createVault(secretsFolder);
  const global = globalSections({ ike: of("ike"), dpd: of("dpd"), defEroute: of("def_eroute") });
  const ike = ikeInstances([...of("ike")]);
  const egroups = of("egroup").flatMap((settings) => importEgroup(settings) ?? []);
  const names = new Set<string>();
  const eroutes = of("eroute").flatMap((settings) => {
    const egroup = egroups.find(({ eroute }) => eroute === settings.instance);
    const name = nameOf(settings, names);
    const context = { name, egroup: egroup?.name, ...ike, dpdS: global.dpdS };
    return importEroute(settings, context) ?? [];
  });
  sections.push(...global.sections);
  for (const egroup of egroups) sections.push(egroupSection(egroup, vault));
  sections.push(...eroutes.map((eroute) => eroute.section));
  sections.push(...of("user").flatMap((user) => userSection(user, eroutes, vault) ?? []));
  for (const settings of entities) settings.tellRest(() => none("erouted has nothing like it"));
  const wrong = notes.filter(({ kind }) => kind === "wrong").map(faultOf);
  const all = [...faults, ...wrong].sort((a, b) => a.line - b.line);
  if (all.length > 0) return { faults: all };
  notes.sort((a, b) => a.line - b.line);
  return { toml: formatToml(sections, HEAD), notes, others, secrets: vault.secrets };
}

const HEAD = [
  "Taken over from the configuration of a Westermo MR or Digi TransPort router.",
  "erouted speaks IKEv2: sites that call with IKEv1 have to be changed to it.",
  "What could not be taken over is in the report of erouted import saros.",
];

function faultOf({ line, setting, detail }: Note): SarosFault {
  return { line, what: `${setting}: ${detail}` };
}

function instancesOf(lines: readonly SarosLine[], notes: Note[]): readonly Settings[] {
  const found = new Map<string, Settings>();
  for (const line of lines) {
    const key = `${line.entity} ${line.instance}`;
    const settings = found.get(key) ?? new Settings(line.entity, line.instance, notes);
    found.set(key, settings);
    settings.set(line);
  }
  return [...found.values()];
}

/** A name that erouted takes, made of the description; no other eroute has it. */
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

type Vault = {
  readonly secrets: Secret[];
  /** The file that holds the secret; undefined if none may be written. */
  put(name: string, text: string): string | undefined;
};

function createVault(folder: string | undefined): Vault {
  const secrets: Secret[] = [];
  return {
    secrets,
    put(name, text) {
      if (folder === undefined) return undefined;
      const file = `${folder}/${name}.secret`;
      secrets.push({ file, text });
      return file;
    },
  };
}

function egroupSection(imported: Egroup, vault: Vault): Section {
  const { name, section: egroup, settings, password } = imported;
  const file = password === undefined ? undefined : vault.put(name, password);
  settings.tell("dbpwd", fateOfPassword(file));
  if (file !== undefined) egroup.keys.set("password_file", file);
  else egroup.comments.push("To do: password_file, a file with the database user's password.");
  return egroup;
}

/** R3: users whose names are peer IDs of normal eroutes; others log in to the old router. */
function userSection(
  settings: Settings,
  eroutes: readonly Eroute[],
  vault: Vault,
): Section | undefined {
  const name = settings.get("name");
  const eroute = eroutes.find(({ peerid }) => peerid !== undefined && peerid === name);
  if (name === undefined || eroute === undefined || eroute.section.keys.has("egroup")) {
    settings.tellRest(() => none("no normal eroute has this user's name as its peerid (R3)"));
    return undefined;
  }
  const user = section("[[user]]");
  user.keys.set("name", name);
  settings.tell("name", taken(`user ${name}`));
  const password = settings.get("password");
  const file = password === undefined ? undefined : vault.put(`user${settings.instance}`, password);
  settings.tell("password", fateOfPassword(file));
  for (const key of ["epassword", "enckey"]) {
    settings.tell(key, toDo("is encrypted by the router and cannot be read back: set it anew"));
  }
  settings.tellRest(() => none("local users of erouted have a name and a password only"));
  user.keys.set("password_file", file ?? `/etc/erouted/user${settings.instance}.secret`);
  user.isComment = file === undefined;
  if (user.isComment) {
    user.comments.push("To do: make the file with the pre-shared key, then remove the # signs.");
  }
  return user;
}

function fateOfPassword(file: string | undefined): Fate {
  return file === undefined ? toDo("put it into the file of password_file") : taken(`file ${file}`);
}

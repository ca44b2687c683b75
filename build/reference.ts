/** Writes docs/configuration.md from the schema of the configuration: each key, once. */

import { join } from "node:path";
import { z } from "zod";
import { configSchema } from "../src/config/schema.ts";
import type { KeyMeta } from "../src/config/schema-keys.ts";

export const REFERENCE_FILE = join(import.meta.dir, "../docs/configuration.md");

export type Section = {
  /** As it is written: `[ike]`, `[[eroute]]`, `columns` of `[[egroup]]`. */
  readonly title: string;
  readonly name: string;
  readonly description: string;
  readonly keys: readonly (readonly [string, KeyMeta])[];
};

/** All sections in the order of the schema; tables inside of one follow it. */
export function sections(): readonly Section[] {
  return Object.entries(configSchema.shape).flatMap(([name, schema]) => {
    const inner = schema.unwrap();
    const isList = inner instanceof z.ZodArray;
    const object = isList ? (inner.element as z.ZodObject) : (inner as z.ZodObject);
    const title = isList ? `[[${name}]]` : `[${name}]`;
    const { description } = metaOf(schema);
    return [{ title, name, description, keys: keysOf(object) }, ...tablesIn(object, title, name)];
  });
}

/** The whole file. */
export function reference(): string {
  return `${HEAD}\n${sections().map(sectionText).join("\n")}\n${TAIL}`;
}

function tablesIn(object: z.ZodObject, title: string, name: string): readonly Section[] {
  return Object.entries(object.shape).flatMap(([key, schema]) => {
    const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
    if (!(inner instanceof z.ZodObject)) return [];
    const { description } = metaOf(schema as z.ZodType);
    const table = { title: `${title} ${key}`, name: `${name}.${key}`, description };
    return [{ ...table, keys: keysOf(inner) }];
  });
}

function keysOf(object: z.ZodObject): readonly (readonly [string, KeyMeta])[] {
  return Object.entries(object.shape).map(([key, schema]) => [key, metaOf(schema as z.ZodType)]);
}

function metaOf(schema: z.ZodType): KeyMeta {
  const meta = schema.meta() as KeyMeta | undefined;
  if (meta === undefined) throw new Error("a key has no description");
  return meta;
}

function sectionText({ title, description, keys }: Section): string {
  const rows = keys.map(([key, meta]) => {
    const otherwise = meta.required === true ? "**required**" : code(meta.default ?? "none");
    const cells = [`\`${key}\``, escaped(meta.description), escaped(meta.expected), otherwise];
    return `| ${cells.join(" | ")} |`;
  });
  const head = "| key | what it is for | value | default |\n| --- | --- | --- | --- |";
  return `## \`${title}\`\n\n${escaped(description)}\n\n${head}\n${rows.join("\n")}\n`;
}

/** Defaults that can be written as they are; others are words. */
function code(text: string): string {
  return /^(".*"|\[.*\]|[0-9.]+|true|false)$/.test(text) ? `\`${text}\`` : escaped(text);
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("*", "\\*").replaceAll("<", "&lt;");
}

const HEAD = `# Configuration

One TOML file, \`/etc/erouted/erouted.toml\` unless \`--config FILE\` names another.
\`erouted check\` tells all that is wrong in it at once, each with file and line, and looks at
databases, kernel and ports too; \`--offline\` leaves those alone. \`erouted.example.toml\` shows
every key at its place; the rows of an egroup's table are in \`peer-table.md\`.

Times are written \`500ms\`, \`10s\`, \`5m\`, \`1h30m\`, \`7d\`. Secrets never stand in the file:
a key that ends in \`_file\` names a file that holds one, \`_env\` an environment variable.

An \`[[eroute]]\` with an \`egroup\` is a base eroute: its sites come from the egroup's table. One
without is a normal eroute: its peer's key is that of a \`[[user]]\`.

<!-- From here to "What contradicts itself": made by build/reference.ts, do not edit. -->
`;

const TAIL = `## What contradicts itself

Refused, beside unknown keys and values that are none:

- peer ID patterns of two base eroutes that match the same ID (R11)
- \`peerip\` or \`bakpeerip\` in a base eroute (R9); \`start = "always"\` in one, or without a
  \`peerip\`, or with an \`inactivity\`, or with a \`peerid\` that matches several users
- \`transport\` with several subnets on a side: transport mode joins two hosts
- \`local_port\` or \`remote_port\` without a \`protocol\` that has ports; \`icmp\` where all
  subnets are IPv6, \`icmp6\` where all are IPv4
- a \`mark\` with bits that its mask lacks, or whose mask takes every packet
- requests that would be repeated for more than an hour
- a status server that others can reach, without a token

Warned of, since it works, but hardly as meant:

- eroutes, egroups and users that nothing leads to; subnets that overlap; SHA-1
- lifetimes below five minutes, and those that are longer than \`reauth\`
- \`no_sa = "initiate"\` or \`start = "on-traffic"\`, written out, where nothing says whom to call;
  \`no_sa = "initiate"\` with \`start = "never"\`
- \`uniqueness = "keep"\` without \`dpd\`: a site that restarts waits until its old SAs expire
- \`routes\` to everything
- a default eroute that drops, without exceptions, or with none for the address of a database
`;

if (import.meta.main) await Bun.write(REFERENCE_FILE, reference());

/** [status] of a configuration file, for commands that ask the daemon: the rest may be faulty. */

import { type ConfigFiles, createCheck } from "./check.ts";
import { DEFAULT_STATUS_LISTEN, readStatus, type StatusSettings } from "./daemon-settings.ts";
import { type ConfigFault, inFileOrder } from "./fault.ts";
import { parseToml } from "./parse-toml.ts";
import { checkSchema } from "./schema-faults.ts";
import { keyLines } from "./toml-lines.ts";

export type StatusAlone = {
  /** If a key of it has a fault, as if that key were missing. */
  readonly status: StatusSettings;
  /** Faults that were found on the way; there may be more. */
  readonly faults: readonly ConfigFault[];
};

/** Reads what can be read. A running daemon has accepted this file, or an earlier version of it. */
export function readStatusAlone(text: string, files: ConfigFiles, file: string): StatusAlone {
  const whole = parseToml(text, file);
  const table = whole.ok ? whole.value : statusTable(text);
  const check = createCheck(file, whole.ok ? keyLines(text) : new Map(), files);
  const raw = checkSchema(check, table);
  const read = readStatus(check, raw);
  const isOff = raw.status?.listen === "off";
  const status = isOff ? read : { ...read, listen: read.listen ?? DEFAULT_STATUS_LISTEN };
  const faults = inFileOrder(check.faults);
  return { status, faults: whole.ok ? faults : [whole.error, ...faults] };
}

/** The keys below [status] of a text that is not valid TOML as a whole, as far as they go. */
function statusTable(text: string): unknown {
  const [, below = ""] = /^[ \t]*\[[ \t]*status[ \t]*\][^\n]*\n([\s\S]*)/m.exec(text) ?? [];
  const [own = ""] = below.split(/^[ \t]*\[/m, 1);
  const lines = own.split("\n").slice(0, STATUS_LINES_MAX);
  for (let length = lines.length; length > 0; length--) {
    const parsed = parseToml(lines.slice(0, length).join("\n"), "");
    if (parsed.ok) return { status: parsed.value };
  }
  return {};
}

const STATUS_LINES_MAX = 100;

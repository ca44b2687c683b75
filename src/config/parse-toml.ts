/** The text of a configuration file as TOML, or the place of the syntax error. */

import { parse, TomlError } from "smol-toml";
import { err, ok, type Result } from "../octets/result.ts";
import type { ConfigFault } from "./fault.ts";

/** The tables and keys; the fault does not quote the file. */
export function parseToml(text: string, file: string): Result<unknown, ConfigFault> {
  try {
    return ok(parse(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // After its first line, the message quotes the file, which may contain a secret by mistake.
    const [first = ""] = error.message.split("\n");
    const reason = first.replace(/^Invalid TOML document: /, "");
    const what = `column ${error.column}: ${reason}`;
    return err({ file, path: "", line: error.line, what, expected: "TOML 1.0" });
  }
}

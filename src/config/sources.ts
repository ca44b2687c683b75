/** Everything that a configuration was read from, so that it can be read once more by itself. */

import { err, ok, type Result } from "../octets/result.ts";
import type { ConfigFiles } from "./check.ts";

/** Secrets are among it. */
export type ConfigSources = {
  readonly text: string;
  /** Files that it names, by path, and environment variables; what could not be read is missing. */
  readonly files: ReadonlyMap<string, string>;
  readonly env: ReadonlyMap<string, string>;
  /** `dataplane.kind` that stays until a restart, although the text says otherwise. */
  readonly dataplane?: "xfrm" | "none";
  /** `ike.port` and `ike.nat_port` that stay until a restart, although the text says otherwise. */
  readonly ports?: Ports;
};

type Ports = { readonly ike: number; readonly nat: number };

/** Reads from outside, and notes what was read. */
export function recordingFiles(
  files: ConfigFiles,
  text: string,
): { readonly files: ConfigFiles; readonly sources: ConfigSources } {
  const read = new Map<string, string>();
  const seen = new Map<string, string>();
  return {
    sources: { text, files: read, env: seen },
    files: {
      readSecret(path) {
        const result = files.readSecret(path);
        if (result.ok) read.set(path, result.value);
        return result;
      },
      wallMs: files.wallMs,
      env(name) {
        const value = files.env(name);
        if (value !== undefined) seen.set(name, value);
        return value;
      },
    },
  };
}

/** Reads from what was read before. */
export function filesOf({ files, env }: ConfigSources, wallMs: () => number): ConfigFiles {
  return {
    readSecret(path): Result<string, string> {
      const text = files.get(path);
      return text === undefined ? err("could not be read") : ok(text);
    },
    wallMs,
    env: (name) => env.get(name),
  };
}

/** Whether both say the same. */
export function isSameSources(a: ConfigSources, b: ConfigSources): boolean {
  return sourcesText(a) === sourcesText(b);
}

/** As text, for a place that keeps secrets. */
export function sourcesText({ text, files, env, dataplane, ports }: ConfigSources): string {
  const sorted = (map: ReadonlyMap<string, string>) =>
    [...map].sort(([x], [y]) => (x < y ? -1 : 1));
  return JSON.stringify({ text, files: sorted(files), env: sorted(env), dataplane, ports });
}

/** From {@link sourcesText}; undefined if it is none. */
export function sourcesFrom(written: string): ConfigSources | undefined {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const [text, files, env] = ["text", "files", "env"].map((key) => Reflect.get(value, key));
  if (typeof text !== "string" || !isPairs(files) || !isPairs(env)) return undefined;
  const dataplane: unknown = Reflect.get(value, "dataplane");
  const isKind = dataplane === "xfrm" || dataplane === "none";
  const ports: unknown = Reflect.get(value, "ports");
  return {
    text,
    files: new Map(files),
    env: new Map(env),
    ...(isKind ? { dataplane } : {}),
    ...(arePorts(ports) ? { ports } : {}),
  };
}

function arePorts(value: unknown): value is Ports {
  if (typeof value !== "object" || value === null) return false;
  return ["ike", "nat"].every((key) => typeof Reflect.get(value, key) === "number");
}

function isPairs(value: unknown): value is [string, string][] {
  const isPair = (one: unknown) =>
    Array.isArray(one) && one.length === 2 && one.every((word) => typeof word === "string");
  return Array.isArray(value) && value.every(isPair);
}

/** `erouted status`: what a running daemon says of itself, asked over its HTTP API. */

import { existsSync } from "node:fs";
import { err, ok, type Result } from "../octets/result.ts";
import { DEFAULT_CONFIG_FILE, loadConfig, readText } from "./configuration.ts";
import { erouteLines, statusLines } from "./status-lines.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "./terminal.ts";

export type StatusOptions = {
  readonly config: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly json?: true;
};

const DEFAULT_URL = "http://127.0.0.1:8080";

/** Prints the daemon's state and its dynamic eroutes; 1 if it does not answer. */
export async function status(options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const [state, eroutes] = await Promise.all([
    get(daemon.value, "/api/v1/status"),
    get(daemon.value, "/api/v1/dynamic-eroutes"),
  ]);
  if (!state.ok) return failure(terminal, printable(state.error));
  if (!eroutes.ok) return failure(terminal, printable(eroutes.error));
  if (options.json === true) {
    terminal.out(JSON.stringify({ status: state.value, ...asObject(eroutes.value) }, undefined, 2));
    return EXIT.ok;
  }
  const head = statusLines(state.value);
  const table = erouteLines(eroutes.value);
  if (head === undefined || table === undefined) {
    return failure(terminal, `${daemon.value.url}: answers something else than erouted does`);
  }
  for (const line of [...head, "", ...table]) terminal.out(line);
  return EXIT.ok;
}

/** Where to ask, and what to show there. */
type Daemon = { readonly url: URL; readonly token: string | undefined };

function daemonOf(options: StatusOptions, terminal: Terminal): Result<Daemon, ExitCode> {
  const given = tokenOf(options.tokenFile);
  if (!given.ok) return err(failure(terminal, given.error));
  if (options.url !== undefined) {
    const url = URL.parse(options.url);
    const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
    // The configuration's token is not sent to whatever address is named here.
    if (url !== null && isHttp) return ok({ url, token: given.value });
    return err(misuse(terminal, `--url is no http:// address: ${printable(options.url)}`));
  }
  // Without a configuration of its own, a daemon is where a default one would have it.
  if (options.config === DEFAULT_CONFIG_FILE && !existsSync(options.config)) {
    return ok({ url: new URL(DEFAULT_URL), token: given.value });
  }
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return err(config.error);
  const { listen, token } = config.value.status;
  if (listen === undefined) {
    return err(failure(terminal, `${options.config}: status.listen is off: nothing to ask`));
  }
  const host = UNSPECIFIED[listen.host] ?? listen.host;
  const authority = host.includes(":") ? `[${host}]` : host;
  const url = new URL(`http://${authority}:${listen.port}`);
  return ok({ url, token: given.value ?? token });
}

function tokenOf(file: string | undefined): Result<string | undefined, string> {
  if (file === undefined) return ok(undefined);
  const text = readText(file);
  return text.ok ? ok(text.value.trim()) : err(`${file}: ${text.error}`);
}

async function get(daemon: Daemon, path: string): Promise<Result<unknown, string>> {
  const url = new URL(path, daemon.url);
  const headers = daemon.token === undefined ? {} : { authorization: `Bearer ${daemon.token}` };
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  try {
    const response = await fetch(url, { headers, signal, redirect: "error" });
    if (response.status === 401 || response.status === 403) {
      return err(`${url}: the token is missing or wrong: give it by --token-file`);
    }
    if (!response.ok) return err(`${url}: answers ${response.status} ${response.statusText}`);
    return ok(await response.json());
  } catch (error) {
    return err(`${url}: ${explain(error)}`);
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  if (code === "ConnectionRefused" || code === "ECONNREFUSED") {
    return "nobody listens there: does erouted run, and is this its status.listen?";
  }
  if (error.name === "TimeoutError") return `no answer within ${ANSWER_MS_MAX} ms`;
  if (error instanceof SyntaxError) return "answers something else than JSON: is that erouted?";
  return error.message;
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value
    : { dynamic_eroutes: value };
}

/** A server that listens on all addresses is asked on the loopback one. */
const UNSPECIFIED: Readonly<Partial<Record<string, string>>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};
const ANSWER_MS_MAX = 5_000;

/** `erouted status`: what a running daemon says of itself, asked over its HTTP API. */

import { existsSync } from "node:fs";
import { err, ok, type Result } from "../octets/result.ts";
import { DEFAULT_CONFIG_FILE, loadConfig, readText } from "./configuration.ts";
import { fieldAt, listAt, numberAt, textAt, timeAt } from "./json-fields.ts";
import { statusLines } from "./status-lines.ts";
import { EXIT, type ExitCode, failure, misuse, printable, type Terminal } from "./terminal.ts";
import { tunnelLines } from "./tunnel-lines.ts";

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
  const state = await get(daemon.value, "/api/v1/status");
  if (!state.ok) return failure(terminal, printable(state.error));
  const tunnels = await allTunnels(daemon.value);
  if (!tunnels.ok) return failure(terminal, printable(tunnels.error));
  const { eroutes, total } = tunnels.value;
  if (options.json === true) {
    const all = { status: state.value, total, dynamic_eroutes: eroutes };
    terminal.out(JSON.stringify(all, undefined, 2));
    return EXIT.ok;
  }
  for (const line of statusLines(state.value)) terminal.out(line);
  terminal.out("");
  for (const line of tunnelLines(eroutes, daemonMs(state.value), total)) terminal.out(line);
  return EXIT.ok;
}

/** The daemon's time of day: ages must not depend on the clock of whoever asks. */
function daemonMs(state: unknown): number | undefined {
  const started = timeAt(state, "started_at");
  return started === undefined ? undefined : started + numberAt(state, "uptime_seconds") * 1000;
}

type Tunnels = { readonly eroutes: readonly unknown[]; readonly total: number };

/** Page by page; sites that come and go meanwhile may be missed or be there twice. */
async function allTunnels(daemon: Daemon): Promise<Result<Tunnels, string>> {
  const eroutes: unknown[] = [];
  let total = 0;
  for (let page = 0; page < PAGES_MAX; page++) {
    const path = `/api/v1/dynamic-eroutes?limit=${PAGE_ROWS}&offset=${eroutes.length}`;
    const answer = await get(daemon, path);
    if (!answer.ok) return answer;
    if (!Array.isArray(fieldAt(answer.value, "dynamic_eroutes"))) {
      return err(`${daemon.url}: answers without dynamic_eroutes: is that erouted?`);
    }
    const rows = listAt(answer.value, "dynamic_eroutes");
    eroutes.push(...rows);
    total = numberAt(answer.value, "total");
    if (rows.length < PAGE_ROWS) break;
  }
  return ok({ eroutes, total: Math.max(total, eroutes.length) });
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
    if (!response.ok) return err(`${url}: answers ${response.status}: ${await detailOf(response)}`);
    return ok(await response.json());
  } catch (error) {
    return err(`${url}: ${explain(error)}`);
  }
}

/** What a problem document says, else the status in words. */
async function detailOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined);
  return textAt(problem, "detail") ?? response.statusText;
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

/** A server that listens on all addresses is asked on the loopback one. */
const UNSPECIFIED: Readonly<Partial<Record<string, string>>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};
const ANSWER_MS_MAX = 5_000;
const PAGE_ROWS = 1000;
const PAGES_MAX = 1000;

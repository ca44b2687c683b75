/** Asks a running daemon over its HTTP API: where it is, with which token, what went wrong. */

import { existsSync } from "node:fs";
import type { StatusSettings } from "../config/daemon-settings.ts";
import { formatFault } from "../config/fault.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { counted } from "./amounts.ts";
import { DEFAULT_CONFIG_FILE, readStatusOf, readText } from "./configuration.ts";
import { listAt, textAt } from "./json-fields.ts";
import { type ExitCode, failure, misuse, printable, type Terminal } from "./terminal.ts";

/** What every command needs that asks a daemon. */
export type AskOptions = {
  readonly config: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
};

/** Where to ask, and which tokens to use: for reading, and for changing something. */
export type RunningDaemon = {
  readonly url: URL;
  readonly token: string | undefined;
  readonly operateToken: string | undefined;
  /** The certificate that it has to show, whatever name is in it; undefined: one for its name. */
  readonly certificate?: string | undefined;
  /** Certificates of its trusted issuers; undefined: those that the system trusts. */
  readonly authorities?: string | undefined;
};

/** Why there is no usable answer. */
export type AskFault = {
  /** The HTTP status; undefined without an answer. */
  readonly status: number | undefined;
  readonly detail: string;
  /** The daemon's own words, if it has any. */
  readonly said: string | undefined;
  /** Of a configuration that was refused. */
  readonly faults: readonly string[];
};

const DEFAULT_URL = "http://127.0.0.1:8080";

/** The daemon to ask; a fault is printed, and its exit code is the error. */
export function daemonOf(options: AskOptions, terminal: Terminal): Result<RunningDaemon, ExitCode> {
  const given = tokenOf(options.tokenFile);
  if (!given.ok) return err(failure(terminal, given.error));
  const read = fileOf(options.caFile);
  if (!read.ok) return err(failure(terminal, read.error));
  const authorities = read.value;
  const tokens = { token: given.value, operateToken: given.value, authorities };
  if (options.url !== undefined) {
    const url = URL.parse(options.url);
    const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
    // The configuration's token is not sent to an arbitrary address given here.
    if (url !== null && isHttp) return ok({ url, ...tokens });
    return err(misuse(terminal, `--url is not an http:// address: ${printable(options.url)}`));
  }
  // Without a configuration, the daemon is assumed where the default configuration has it.
  if (options.config === DEFAULT_CONFIG_FILE && !existsSync(options.config)) {
    return ok({ url: new URL(DEFAULT_URL), ...tokens });
  }
  const status = statusOf(options.config, terminal);
  if (!status.ok) return err(failure(terminal, status.error));
  const own = ownDaemon(status.value);
  if (own === undefined) {
    return err(failure(terminal, `${options.config}: status.listen is off: nothing to ask`));
  }
  const token = given.value ?? own.token;
  const operateToken = given.value ?? own.operateToken;
  const trusted = authorities === undefined ? {} : { authorities, certificate: undefined };
  return ok({ ...own, token, operateToken, ...trusted });
}

/** The daemon that runs with these settings; undefined: there is none to ask. */
export function ownDaemon(status: StatusSettings): RunningDaemon | undefined {
  const { listen, token, operateToken, tls } = status;
  if (listen === undefined) return undefined;
  const host = UNSPECIFIED[listen.host] ?? listen.host;
  const authority = host.includes(":") ? `[${host}]` : host;
  const url = new URL(`${tls === undefined ? "http" : "https"}://${authority}:${listen.port}`);
  return { url, token, operateToken, certificate: tls?.cert };
}

/** What the file says about the status server, with one line about the rest if that is faulty. */
function statusOf(file: string, terminal: Terminal): Result<StatusSettings, string> {
  const read = readStatusOf(file);
  if (!read.ok) return err(printable(`${read.error}; give --url to ask without it`));
  const { status, faults } = read.value;
  const [first, ...more] = faults;
  if (first === undefined) return ok(status);
  const others = more.length === 0 ? "" : `, and ${counted(more.length, "more fault")}`;
  terminal.err(printable(`warning: ${formatFault(first)}${others} (erouted check lists all)`));
  return ok(status);
}

/** Reads something; the fault is in words. */
export async function get(
  daemon: RunningDaemon,
  path: string,
  msMax: number = ANSWER_MS_MAX.GET,
): Promise<Result<unknown, string>> {
  const answer = await ask(daemon, path, { method: "GET", token: daemon.token, msMax });
  return answer.ok ? answer : err(answer.error.detail);
}

/** Makes the daemon do something. */
export async function post(
  daemon: RunningDaemon,
  path: string,
): Promise<Result<unknown, AskFault>> {
  const token = daemon.operateToken;
  const msMax = ANSWER_MS_MAX.POST;
  if (token !== undefined) return await ask(daemon, path, { method: "POST", token, msMax });
  const detail = "no token: set status.operate_token_file, or give one with --token-file";
  return err({ status: undefined, detail, said: undefined, faults: [] });
}

type Asking = {
  readonly method: "GET" | "POST";
  readonly token: string | undefined;
  readonly msMax: number;
};

async function ask(
  daemon: RunningDaemon,
  path: string,
  { method, token, msMax }: Asking,
): Promise<Result<unknown, AskFault>> {
  const url = new URL(path, daemon.url);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(msMax);
  try {
    const how = { method, headers, signal, redirect: "error", ...transportOf(daemon) } as const;
    const response = await fetch(url, how);
    if (response.ok) return ok(await response.json());
    return err(await faultOf(url, response, { method, token, msMax }));
  } catch (error) {
    const detail = `${url}: ${explain(error)}`;
    return err({ status: undefined, detail, said: undefined, faults: [] });
  }
}

/** The certificate of this machine's daemon is known: it has to be that one, and no other. */
export function transportOf(daemon: RunningDaemon): Pick<BunFetchRequestInit, "tls"> {
  const { certificate, authorities } = daemon;
  if (authorities !== undefined) return { tls: { ca: authorities } };
  if (certificate === undefined) return {};
  // A certificate does not contain the loopback address by which the daemon is called.
  return { tls: { ca: certificate, checkServerIdentity: () => undefined } };
}

/** The detail of a problem document, otherwise the status in words. */
async function faultOf(url: URL, response: Response, asking: Asking): Promise<AskFault> {
  const { status } = response;
  const problem: unknown = await response.json().catch(() => undefined);
  const faults = listAt(problem, "faults").filter((fault) => typeof fault === "string");
  const said = textAt(problem, "detail");
  if (status === 401 || (status === 403 && said === undefined)) {
    const detail = `${url}: ${tokenFault(asking)}`;
    return { status, detail, said: undefined, faults };
  }
  const detail = `${url}: answers ${status}: ${said ?? response.statusText}`;
  return { status, detail, said, faults };
}

function tokenFault({ method, token }: Asking): string {
  const name = method === "POST" ? "operate_token_file" : "token_file";
  if (token === undefined) return "requires a token: give it with --token-file";
  return `this token is not accepted: the one of its status.${name} is needed (--token-file FILE)`;
}

function tokenOf(file: string | undefined): Result<string | undefined, string> {
  const text = fileOf(file);
  return text.ok ? ok(text.value?.trim()) : text;
}

function fileOf(file: string | undefined): Result<string | undefined, string> {
  if (file === undefined) return ok(undefined);
  const text = readText(file);
  return text.ok ? text : err(`${file}: ${text.error}`);
}

/** What went wrong, in words for people. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  if (code === "ConnectionRefused" || code === "ECONNREFUSED") {
    return "nobody listens there: does erouted run, and is this its status.listen?";
  }
  if (code === "ECONNRESET") return "the connection has ended: does it speak https there?";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "its certificate is for another name";
  if (typeof code === "string" && /CERT|SELF_SIGNED/.test(code)) {
    return `its certificate is not trusted (${error.message}): --ca-file names what to trust`;
  }
  if (error.name === "TimeoutError") return "no answer in time";
  if (error instanceof SyntaxError) return "the answer is not JSON: is that erouted?";
  return error.message;
}

/** A server that listens on all addresses is asked at the loopback address. */
const UNSPECIFIED: Readonly<Partial<Record<string, string>>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};
/** A reload may have to read a row of each connected site first. */
const ANSWER_MS_MAX = { GET: 5_000, POST: 20_000 } as const;

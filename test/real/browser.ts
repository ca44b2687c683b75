/** A headless Chromium, controlled over its DevTools protocol: its screen, and what it may run. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { patient } from "../patience.ts";

const START_MS_MAX = patient(30_000);
const ANSWER_MS_MAX = patient(20_000);

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
  "--remote-debugging-port=0",
];

export type Screen = {
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
  readonly runsScripts: boolean;
};

export type Page = {
  /** The value of an expression, evaluated in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** The document as it is now. */
  html(): Promise<string>;
  /** PNG of the visible screen, or of the whole page. */
  screenshot(of: "screen" | "page"): Promise<Uint8Array>;
  /** Roles of the accessibility tree, with the number of each. */
  roles(): Promise<ReadonlyMap<string, number>>;
  /** Every address that was requested. */
  readonly requests: readonly string[];
  /** The browser's complaints: blocked content, faults, failed requests. */
  readonly complaints: readonly string[];
};

export type Browser = {
  /** In a new tab; the previous one is closed. */
  open(url: string, screen: Screen): Promise<Page>;
  close(): Promise<void>;
};

/** Starts Chromium with a profile of its own. */
export async function startBrowser(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), "erouted-browser-"));
  const flags = [...FLAGS, `--user-data-dir=${profile}`, "about:blank"];
  const chromium = Bun.spawn(["chromium", ...flags], { stdout: "ignore", stderr: "ignore" });
  const close = async () => {
    chromium.kill();
    await chromium.exited;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = await debuggingPort(profile);
    let former: string | undefined;
    const open = async (url: string, screen: Screen): Promise<Page> => {
      if (former !== undefined) await fetch(`http://127.0.0.1:${port}/json/close/${former}`);
      const { page, target } = await openPage(port, url, screen);
      former = target;
      return page;
    };
    return { open, close };
  } catch (fault) {
    await close();
    throw fault;
  }
}

/** Chromium writes the port that it chose into its profile. */
async function debuggingPort(profile: string): Promise<number> {
  const until = performance.now() + START_MS_MAX;
  while (performance.now() < until) {
    const text = await readFile(join(profile, "DevToolsActivePort"), "utf8").catch(() => "");
    const port = Number(text.split("\n")[0]);
    if (port > 0) return port;
    await Bun.sleep(50);
  }
  throw new Error(`Chromium did not start within ${START_MS_MAX} ms`);
}

type Opened = { readonly page: Page; readonly target: string };

async function openPage(port: number, url: string, screen: Screen): Promise<Opened> {
  const made = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: "PUT" });
  const target = (await made.json()) as { id: string; webSocketDebuggerUrl: string };
  const session = await connect(target.webSocketDebuggerUrl);
  const requests: string[] = [];
  const complaints: string[] = [];
  session.on("Network.requestWillBeSent", ({ request }) => requests.push(textOf(request, "url")));
  session.on("Network.loadingFailed", ({ errorText }) => complaints.push(String(errorText)));
  session.on("Runtime.exceptionThrown", (fault) => complaints.push(JSON.stringify(fault)));
  session.on("Log.entryAdded", ({ entry }) => complaints.push(textOf(entry, "text")));
  for (const domain of ["Page", "Network", "Runtime", "Log", "Accessibility"]) {
    await session.ask(`${domain}.enable`);
  }
  await setScreen(session, screen);
  const loaded = session.next("Page.loadEventFired");
  await session.ask("Page.navigate", { url });
  await loaded;
  return { page: { ...pageOf(session), requests, complaints }, target: target.id };
}

async function setScreen(session: Session, screen: Screen): Promise<void> {
  const { width, height, scheme, runsScripts } = screen;
  const mobile = width < 600;
  const metrics = { width, height, mobile, deviceScaleFactor: 1 };
  await session.ask("Emulation.setDeviceMetricsOverride", metrics);
  const features = [{ name: "prefers-color-scheme", value: scheme }];
  await session.ask("Emulation.setEmulatedMedia", { features });
  await session.ask("Emulation.setScriptExecutionDisabled", { value: !runsScripts });
}

function pageOf(session: Session): Pick<Page, "evaluate" | "html" | "screenshot" | "roles"> {
  return {
    async evaluate(expression) {
      const answer = await session.ask("Runtime.evaluate", { expression, returnByValue: true });
      if ("exceptionDetails" in answer) throw new Error(JSON.stringify(answer));
      return (answer.result as { value?: unknown }).value;
    },
    async html() {
      const { root } = await session.ask("DOM.getDocument");
      const { nodeId } = root as { nodeId: number };
      return String((await session.ask("DOM.getOuterHTML", { nodeId })).outerHTML);
    },
    async screenshot(of) {
      const captureBeyondViewport = of === "page";
      const { data } = await session.ask("Page.captureScreenshot", { captureBeyondViewport });
      return Uint8Array.fromBase64(String(data));
    },
    async roles() {
      const { nodes } = await session.ask("Accessibility.getFullAXTree");
      const roles = new Map<string, number>();
      for (const { role } of nodes as { role?: { value?: string } }[]) {
        const name = role?.value ?? "";
        roles.set(name, (roles.get(name) ?? 0) + 1);
      }
      return roles;
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

type Session = {
  ask(method: string, params?: Fields): Promise<Fields>;
  on(method: string, handle: (params: Fields) => void): void;
  next(method: string): Promise<unknown>;
};

type Message = { id?: number; method?: string; params?: Fields; result?: Fields; error?: Fields };

async function connect(url: string): Promise<Session> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, PromiseWithResolvers<Fields>>();
  const handlers = new Map<string, (params: Fields) => void>();
  let id = 0;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.method !== undefined) handlers.get(message.method)?.(message.params ?? {});
    const asked = message.id === undefined ? undefined : waiting.get(message.id);
    if (message.error !== undefined) asked?.reject(new Error(JSON.stringify(message.error)));
    else asked?.resolve(message.result ?? {});
  };
  const opened = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onerror = () => opened.reject(new Error(`no connection to ${url}`));
  await inTime(opened.promise, "DevTools");
  return {
    ask(method, params = {}) {
      const answer = Promise.withResolvers<Fields>();
      waiting.set(++id, answer);
      socket.send(JSON.stringify({ id, method, params }));
      return inTime(answer.promise, method);
    },
    on: (method, handle) => void handlers.set(method, handle),
    next(method) {
      const event = Promise.withResolvers<Fields>();
      handlers.set(method, event.resolve);
      return inTime(event.promise, method);
    },
  };
}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${what}: nothing within ${ANSWER_MS_MAX} ms`)),
    ANSWER_MS_MAX,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function textOf(fields: unknown, name: string): string {
  return String((fields as Fields)[name]);
}

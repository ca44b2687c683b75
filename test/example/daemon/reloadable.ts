/** Daemons for tests of a reload: a running one, and what a reload sees of one. */

import { afterEach, expect } from "bun:test";
import { readFileSync } from "node:fs";
import type { Event } from "../../../src/concentrator/event.ts";
import { type Config, readConfig } from "../../../src/config/config.ts";
import type { Note, Reloadable } from "../../../src/daemon/reload.ts";
import { ok } from "../../../src/octets/result.ts";
import { openPeers } from "../../../src/peers/open.ts";
import type { Folder } from "../cli/folder.ts";

/** The configuration of a folder with a change in its text. */
export function configIn(folder: Folder, change: (text: string) => string): Config {
  const text = change(readFileSync(folder.config, "utf8"));
  const files = {
    readSecret: (path: string) => ok(readFileSync(path, "utf8")),
    wallMs: () => Date.now(),
    env: () => undefined,
  };
  const config = readConfig(text, files, "erouted.toml");
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return config.value;
}

export type TestDaemon = Reloadable & {
  readonly notes: Note[];
  readonly fed: Event[];
  readonly rechecked: string[];
};

/** What a reload sees of a daemon; records its messages and events. */
export function daemonOf(config: Config): TestDaemon {
  const notes: Note[] = [];
  const fed: Event[] = [];
  const rechecked: string[] = [];
  const peers: Reloadable["peers"] = new Map();
  for (const settings of config.databases) {
    const opened = openPeers(settings);
    if (opened.ok) peers.set(settings.egroup, opened.value);
  }
  return {
    ...{ config, notes, fed, rechecked, peers, retired: new Set() },
    log: {
      write: () => undefined,
      configure: () => undefined,
      level: "info",
      lost: 0,
      fault: undefined,
      flush: () => Promise.resolve(),
    },
    note: (entry) => void notes.push(entry),
    preview: () => ({ connected: 0, closes: new Map(), unread: 0 }),
    concentrator: { sitesOf: () => [], rowVerdict: () => undefined, isAdjusting: () => false },
    reloads: new Map(),
    isEnding: false,
    shell: {
      feed: (event) => void fed.push(event),
      perform: () => undefined,
      begin: () => undefined,
      isBehind: () => false,
      flush: () => undefined,
      close: () => undefined,
    },
    onConfiguration: () => undefined,
    onDatabases: () => undefined,
    onOtherRows: (egroup) => void rechecked.push(egroup),
  };
}

/** A test that fails leaves no daemon on the ports of the next one. */
const daemons = new Set<Bun.Subprocess>();
afterEach(() => {
  for (const daemon of daemons) daemon.kill("SIGKILL");
  daemons.clear();
});

/** The command `run`, with its log so far. */
export function spawnDaemon(folder: Folder) {
  const daemon = Bun.spawn([process.execPath, "src/main.ts", "run", "--config", folder.config], {
    stdout: "pipe",
    stderr: "inherit",
  });
  daemons.add(daemon);
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of daemon.stdout) text += decoder.decode(chunk, { stream: true });
  })();
  return {
    process: daemon,
    text: () => text,
    async logs(what: string): Promise<void> {
      // As long as it lives: a loaded machine may take half a minute to start it.
      const until = performance.now() + 120_000;
      while (daemon.exitCode === null && !text.includes(what) && performance.now() < until) {
        await Bun.sleep(20);
      }
      expect(text).toContain(what);
    },
    async stop(): Promise<number> {
      daemon.kill("SIGTERM");
      await reading;
      return await daemon.exited;
    },
  };
}

/** As the daemon's status server reports them. */
export async function namesOfEgroups(port: number): Promise<readonly string[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/status`);
  const status = (await answer.json()) as { databases: { egroup: string }[] };
  return status.databases.map(({ egroup }) => egroup);
}

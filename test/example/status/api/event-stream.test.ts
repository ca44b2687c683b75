/** The journal as server-sent events: where it starts, what is left out, slow and many readers. */

import { expect, test } from "bun:test";
import { createJournal } from "../../../../src/concentrator/journal/create-journal.ts";
import type { JournalEntry } from "../../../../src/concentrator/journal/journal.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import { sampleSource } from "../sample.ts";

const PATH = "/api/v1/events/stream";

/** A server with an empty journal, and a function that adds an entry. */
function served(journalMax = 100) {
  const journal = createJournal(journalMax);
  const listeners = new Set<() => void>();
  const source = sampleSource({ sites: 0, entries: [], journal, listeners });
  const app = createStatusApp(source, { token: undefined, host: "127.0.0.1" });
  const add = (peerId: string, level: JournalEntry["level"] = "info") => {
    const entry = { level, step: "IKE_AUTH", outcome: "ok", reason: "established" } as const;
    journal.add({ ...entry, peerId, eroute: undefined, remote: "", ikeSa: "", detail: "" }, 0);
    for (const listener of listeners) listener();
  };
  return { app, add, listeners };
}

/** Reads until the text holds this; comments are left out. */
async function readUntil(reader: { read(): Promise<{ value?: Uint8Array }> }, end: string) {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(end)) text += decoder.decode((await reader.read()).value);
  return text.replaceAll(":\n\n", "").replaceAll("retry: 2000\n\n", "");
}

const sitesIn = (text: string) =>
  [...text.matchAll(/^id: (\d+)\ndata: .*"site":"([^"]+)"/gm)].map((m) => `${m[1]} ${m[2]}`);

test("new events, with the sequence as id", async () => {
  const { app, add, listeners } = served();
  add("before");
  const answer = await app.request(PATH);
  expect(answer.headers.get("content-type")).toStartWith("text/event-stream");
  const reader = answer.body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const reading = readUntil(reader, '"third"');
  await Bun.sleep(1);
  for (const site of ["first", "second", "third"]) add(site);
  expect(sitesIn(await reading)).toEqual(["2 first", "3 second", "4 third"]);
  await reader.cancel();
  expect(listeners.size).toBe(0);
});

test("after a break it goes on where it was, and says what the journal has lost", async () => {
  const { app, add } = served(3);
  for (let n = 1; n <= 10; n++) add(`site-${n}`);
  const headers = { "Last-Event-ID": "5" };
  const reader = (await app.request(PATH, { headers })).body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const text = await readUntil(reader, "site-10");
  expect(text).toStartWith('event: lost\ndata: {"count":2}\n\nid: 8');
  expect(sitesIn(text)).toEqual(["8 site-8", "9 site-9", "10 site-10"]);
  await reader.cancel();
  // From an earlier run of the daemon, whose sequence was higher.
  const other = (await app.request(`${PATH}?after=9000`)).body?.getReader();
  if (other === undefined) throw new Error("no body");
  expect(sitesIn(await readUntil(other, "site-10")).length).toBe(3);
  await other.cancel();
});

test("one site, one level and above", async () => {
  const { app, add } = served();
  const answer = await app.request(`${PATH}?site=SITE-1&level=warning`);
  const reader = answer.body?.getReader();
  if (reader === undefined) throw new Error("no body");
  const reading = readUntil(reader, "id: 3");
  add("site-1", "info");
  add("site-2", "error");
  add("site-1", "error");
  expect(sitesIn(await reading)).toEqual(["3 site-1"]);
  await reader.cancel();
});

test("parameters are checked; no more than 32 readers follow, the last ones", async () => {
  const { app, listeners } = served();
  expect((await app.request(`${PATH}?level=loud`)).status).toBe(400);
  expect((await app.request(`${PATH}?after=-1`)).status).toBe(400);
  const streams = [];
  for (let n = 0; n < 33; n++) {
    streams.push(await app.request(PATH, {}, { remote: `192.0.2.${n}:5000` }));
  }
  expect(streams.map(({ status }) => status)).toEqual(Array(33).fill(200));
  expect(listeners.size).toBe(32);
  expect(await streams[0]?.text()).toBe("retry: 2000\n\n");
  for (const { body } of streams.slice(1)) await body?.cancel();
  expect(listeners.size).toBe(0);
  const again = await app.request(PATH);
  expect(again.status).toBe(200);
  await again.body?.cancel();
});

/** Follows a daemon's events: server-sent events, resumed when the connection breaks. */

import { explain, type RunningDaemon, transportOf } from "../daemon-client.ts";
import { fieldAt, numberAt } from "../json-fields.ts";

export type Following = {
  /** The sequence number to start after; undefined: from now on. */
  readonly after: number | undefined;
  /** More query parameters, such as `&site=…`. */
  readonly query: string;
  /** Each event, as in the daemon's JSON. */
  readonly event: (event: unknown) => void;
  /** Messages beside the events: events that were missed, a connection that broke. */
  readonly say: (text: string) => void;
  /** Ends it; undefined: only the end of the process does. */
  readonly until: AbortSignal | undefined;
};

type Place = { after: number | undefined; isBroken: boolean };

/**
 * Runs until it is ended. An unreachable daemon is asked again every half second, and reported
 * once.
 */
export async function follow(daemon: RunningDaemon, following: Following): Promise<void> {
  const place: Place = { after: following.after, isBroken: false };
  const isOver = () => following.until?.aborted ?? false;
  while (!isOver()) {
    const fault = await readStream(daemon, following, place);
    if (isOver()) return;
    if (!place.isBroken) following.say(`${fault}: trying again`);
    place.isBroken = true;
    await pause(RETRY_MS, following.until);
  }
}

/** Reads until the stream ends, and says why it did. */
async function readStream(
  daemon: RunningDaemon,
  following: Following,
  place: Place,
): Promise<string> {
  const from = place.after === undefined ? "" : `&after=${place.after}`;
  const url = new URL(`/api/v1/events/stream?${from}${following.query}`, daemon.url);
  const silence = new AbortController();
  const signals = [silence.signal, ...(following.until === undefined ? [] : [following.until])];
  let timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
  try {
    const response = await fetch(url, {
      ...transportOf(daemon),
      headers: daemon.token === undefined ? {} : { authorization: `Bearer ${daemon.token}` },
      redirect: "error",
      signal: AbortSignal.any(signals),
    });
    if (!response.ok) return `${url.origin}: answers ${response.status}`;
    if (place.isBroken) following.say(`${url.origin}: connected again`);
    place.isBroken = false;
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
      const blocks = (text + decoder.decode(chunk, { stream: true })).split("\n\n");
      text = blocks.pop() ?? "";
      if (text.length > BLOCK_LENGTH_MAX) return `${url.origin}: sends an event without an end`;
      for (const block of blocks) take(block, following, place);
    }
    return `${url.origin}: the connection has ended`;
  } catch (error) {
    if (silence.signal.aborted) return `${url.origin}: nothing for ${SILENCE_MS_MAX / 1000} s`;
    return `${url.origin}: ${explain(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** One block of the stream (WHATWG HTML §9.2.6); comments and anything but JSON are skipped. */
function take(block: string, { event, say }: Following, place: Place): void {
  const fields = new Map(
    block.split("\n").map((line) => {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      return [name, value] as const;
    }),
  );
  const data = parse(fields.get("data"));
  if (data === undefined) return;
  if (fields.get("event") === "lost") {
    say(`${numberAt(data, "count")} events were lost: the daemon keeps no more of them`);
    return;
  }
  const sequence = fieldAt(data, "sequence");
  if (typeof sequence === "number") {
    if (place.after !== undefined && sequence <= place.after) {
      say("erouted has been restarted: its events start again");
    }
    place.after = sequence;
  }
  event(data);
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Waits; less if it is interrupted. */
export async function pause(ms: number, until: AbortSignal | undefined): Promise<void> {
  if (until?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      until?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    until?.addEventListener("abort", end);
  });
}

const RETRY_MS = 500;
/** A daemon without events sends a sign of life every ten seconds. */
const SILENCE_MS_MAX = 30_000;
const BLOCK_LENGTH_MAX = 1_000_000;

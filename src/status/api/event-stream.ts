/** `GET /api/v1/events/stream`: the journal as server-sent events, from any place in it on. */

import type { Context } from "hono";
import type { JournalRecord } from "../../concentrator/journal/journal.ts";
import { originOfText } from "../../inet/origin.ts";
import { CLIENTS_MAX, type StreamPlaces } from "../access/stream-places.ts";
import { eventFilterOf } from "../lists/events.ts";
import { problem } from "../problem.ts";
import type { StatusSource } from "../source.ts";
import type { StatusBindings } from "./control-routes.ts";
import { eventJson } from "./views.ts";

/** Records that are written in one turn. */
const BATCH = 100;
/** A comment after so long without an event: neither end takes the connection for dead. */
export const HEARTBEAT_MS = 10_000;

/** What a client wants to hear of; undefined: all. */
type Filter = ((record: JournalRecord) => boolean) | undefined;

/**
 * Streams records after `Last-Event-ID` or `?after=`, or from now on; `?site=` and `?level=` leave
 * out others. A client that reads too slowly for the journal is told how many it has missed.
 */
export function eventStreamRoute(
  source: StatusSource,
  places: StreamPlaces,
  hasToken: () => boolean,
): (c: Context<StatusBindings>) => Response {
  return (c) => {
    const from = cursorOf(c, source);
    if (typeof from === "string") return problem(c, 400, from);
    const filter = eventFilterOf(c);
    if (!filter.ok) return problem(c, 400, filter.error);
    const session = c.get("session");
    let end = () => {};
    const follower = {
      key: session?.id ?? originOfText(c.env?.remote ?? "unknown"),
      isTrusted: session !== undefined || hasToken(),
      giveWay: () => end(),
    };
    if (!places.take(follower)) {
      return problem(c, 503, `${CLIENTS_MAX} clients follow the events: no more can`);
    }
    const leave = () => places.leave(follower);
    const { stream, close } = streamOf(source, { from, filter: filter.value }, leave);
    end = close;
    return c.body(stream, 200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "X-Accel-Buffering": "no",
    });
  };
}

type Start = { readonly from: number; readonly filter: Filter };

/** Nothing is read from the journal before the client has taken what came before. */
function streamOf(
  source: StatusSource,
  start: Start,
  onEnd: () => void,
): { readonly stream: ReadableStream; close(): void } {
  const encoder = new TextEncoder();
  let cursor = start.from;
  let wake = () => {};
  const forget = source.onEvent(() => wake());
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    forget();
    onEnd();
    wake();
  };
  let open: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      open = controller;
      controller.enqueue(encoder.encode("retry: 2000\n\n"));
    },
    async pull(controller) {
      const records = source.eventsAfter(cursor, BATCH);
      const [first] = records;
      if (first === undefined) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, HEARTBEAT_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = () => {};
        // What has come is for the next pull; without it, a sign of life.
        if (!isOver) controller.enqueue(encoder.encode(":\n\n"));
        return;
      }
      const last = records.at(-1)?.sequence ?? cursor;
      // Those that are not there any more, wherever they stood.
      const lost = last - cursor - records.length;
      cursor = last;
      const texts = records.filter(start.filter ?? (() => true)).map(eventText);
      if (lost > 0) texts.unshift(`event: lost\ndata: ${JSON.stringify({ count: lost })}\n\n`);
      controller.enqueue(encoder.encode(texts.length > 0 ? texts.join("") : ":\n\n"));
    },
    cancel: end,
  });
  const close = () => {
    if (isOver) return;
    end();
    open?.close();
  };
  return { stream, close };
}

function eventText(record: JournalRecord): string {
  return `id: ${record.sequence}\ndata: ${JSON.stringify(eventJson(record))}\n\n`;
}

/** The sequence after which to begin; a text says what is wrong with what was asked for. */
function cursorOf(c: Context, source: StatusSource): number | string {
  const text = c.req.header("last-event-id") ?? c.req.query("after");
  const last = source.events(1).at(-1)?.sequence ?? 0;
  if (text === undefined) return last;
  if (!/^\d{1,16}$/.test(text)) return "after has to be the sequence of an event, a whole number";
  // One of an earlier run: this run's own begin anew.
  return Number(text) > last ? 0 : Number(text);
}

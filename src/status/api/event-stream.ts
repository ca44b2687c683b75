/** `GET /api/v1/events/stream`: the journal as server-sent events, starting anywhere in it. */

import type { JournalRecord } from "../../concentrator/journal/journal.ts";
import { originOfText } from "../../inet/origin.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { CLIENTS_MAX, type StreamPlaces } from "../access/stream-places.ts";
import { eventFilter } from "../lists/events.ts";
import type { StatusSource } from "../source.ts";
import { refuse } from "./answer.ts";
import { AFTER } from "./filters.ts";
import type { Handler } from "./operations.ts";
import { eventJson } from "./views.ts";

/** Records that are written in one turn. */
const BATCH = 100;
/** A comment after this time without an event, so that neither end believes the connection dead. */
const HEARTBEAT_MS = 10_000;

/** The events that a client wants; undefined: all. */
type Filter = ((record: JournalRecord) => boolean) | undefined;

/**
 * Streams records after `Last-Event-ID` or `?after=`, or from now on; `?site=` and `?level=` leave
 * out others. A client that reads too slowly for the journal is told how many it has missed.
 */
export function eventStream(
  source: StatusSource,
  places: StreamPlaces,
  hasToken: () => boolean,
): Handler<"eventStream"> {
  return ({ values, request }) => {
    const from = cursorOf(request.lastEventId, values.after, source);
    if (!from.ok) return refuse(400, from.error);
    const { session } = request;
    let end = () => {};
    const follower = {
      key: session?.id ?? originOfText(request.remote),
      isTrusted: session !== undefined || hasToken(),
      giveWay: () => end(),
    };
    if (!places.take(follower)) {
      return refuse(503, `${CLIENTS_MAX} clients follow the events already: try again later`);
    }
    const leave = () => places.leave(follower);
    const start = { from: from.value, filter: eventFilter(values) };
    const { stream, close } = streamOf(source, start, leave);
    end = close;
    return ok({ status: 200, body: stream, headers: { "X-Accel-Buffering": "no" } });
  };
}

type Start = { readonly from: number; readonly filter: Filter };

/** The journal is read only when the client has read all earlier events. */
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
        // New events are for the next pull; if there are none, a comment is sent.
        if (!isOver) controller.enqueue(encoder.encode(":\n\n"));
        return;
      }
      const last = records.at(-1)?.sequence ?? cursor;
      // Records that the journal no longer has, wherever they were.
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

/** The sequence after which to begin: Last-Event-ID of a reconnecting client takes precedence. */
function cursorOf(
  lastEventId: string | undefined,
  after: number | undefined,
  source: StatusSource,
): Result<number, string> {
  const resumed = AFTER.read(lastEventId);
  if (!resumed.ok) return err(`Last-Event-ID ${resumed.error}`);
  const last = source.events(1).at(-1)?.sequence ?? 0;
  const asked = resumed.value ?? after ?? last;
  // From an earlier run of the daemon: send all of this run.
  return ok(asked > last ? 0 : asked);
}

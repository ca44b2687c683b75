/** What operations answer: a body by its schema or its media type, or a problem. */

import type { z } from "zod";
import { err, ok, type Result } from "../../octets/result.ts";
import type { ANSWERS, AnswerName } from "./schemas.ts";

/** Answers that are not JSON of ours: media type and OpenAPI schema. */
export const MEDIA = {
  "event stream": { type: "text/event-stream; charset=utf-8", schema: { type: "string" } },
  metrics: { type: "text/plain; version=0.0.4; charset=utf-8", schema: { type: "string" } },
  pcapng: { type: "application/x-pcapng", schema: { type: "string", format: "binary" } },
  keys: { type: "text/plain; charset=utf-8", schema: { type: "string" } },
  openapi: { type: "application/json", schema: { type: "object" } },
  page: { type: "text/html; charset=UTF-8", schema: { type: "string" } },
} as const;

export type MediaName = keyof typeof MEDIA;

/** Whether an answer has no schema of ours. */
export function isMedia(answer: AnswerKind): answer is MediaName {
  return Object.hasOwn(MEDIA, answer);
}

export type AnswerKind = AnswerName | MediaName;

/** The answers of an operation, by HTTP status. */
export type Answers = Readonly<Partial<Record<200 | 202 | 503, AnswerKind>>>;

/** Statuses of problems that an operation may answer with. */
export type ProblemStatus = 400 | 403 | 404 | 409 | 422 | 503;

/** JSON text that was built in several turns of the event loop. */
export type JsonText = { readonly jsonText: string };

type Plain<T> = T extends readonly (infer U)[]
  ? readonly Plain<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Plain<T[K]> }
    : T;

/** What a JSON answer must be, by its schema. */
export type JsonOf<K extends AnswerName> = Plain<z.infer<(typeof ANSWERS)[K]>>;

type BodyOf<K> = K extends AnswerName
  ? JsonOf<K> | JsonText
  : K extends MediaName
    ? string | ReadableStream<Uint8Array>
    : never;

/** A status of the table with the body that belongs to it. */
export type Given<A extends Answers> = {
  [S in keyof A]-?: {
    readonly status: S;
    readonly body: BodyOf<A[S]>;
    readonly headers?: Readonly<Record<string, string>>;
  };
}[keyof A];

export type Refused<S extends ProblemStatus> = {
  readonly status: S;
  /** What is wrong and what would be right. */
  readonly detail: string;
  /** Members of the problem document beside the registered ones. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/** What any operation answers. */
export type AnyReply = Result<
  {
    readonly status: keyof Answers;
    readonly body: string | object;
    readonly headers?: Readonly<Record<string, string>>;
  },
  Refused<ProblemStatus>
>;

/** What an operation with these answers and problems answers. */
export type Reply<A extends Answers, S extends ProblemStatus> = AnyReply &
  Result<Given<A>, Refused<S>>;

/** The requested body, with status 200. */
export function found<B>(body: B) {
  return ok({ status: 200 as const, body });
}

/** A problem. */
export function refuse<S extends ProblemStatus>(
  status: S,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
) {
  return err({ status, detail, headers });
}

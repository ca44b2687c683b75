/** The routes of the API, each made from its row in the table of operations. */

import type { Context, Hono, MiddlewareHandler } from "hono";
import { problem } from "../problem.ts";
import { requestOf, type StatusBindings } from "../request.ts";
import { type AnswerKind, type Answers, type AnyReply, isMedia, MEDIA } from "./answer.ts";
import { type Handlers, OPERATIONS, type Operation, type OperationName } from "./operations.ts";
import { readParameters } from "./parameters.ts";

/** Paths that are answered without a token. */
export const OPEN_PATHS: ReadonlySet<string> = new Set(
  Object.values<Operation>(OPERATIONS)
    .filter(({ access }) => access === "open")
    .map(({ path }) => path),
);

export type ApiSettings = {
  /** The handlers of the operations. */
  readonly handlers: Handlers;
  /** The check before actions of operators. */
  readonly operatorsOnly: MiddlewareHandler<StatusBindings>;
};

/** Adds all routes, and to each path the answer to other methods. */
export function addOperations(app: Hono<StatusBindings>, settings: ApiSettings): void {
  const names = Object.keys(OPERATIONS) as readonly OperationName[];
  for (const name of names) addOperation(app, name, settings);
  const operations = Object.values<Operation>(OPERATIONS);
  for (const { path } of operations) {
    const methods = operations.filter((one) => one.path === path).map(({ method }) => method);
    const allowed = methods.map((method) => (method === "get" ? "GET, HEAD" : "POST")).join(", ");
    app.all(routeOf(path), (c) => wrongMethod(c, allowed));
  }
}

function addOperation<N extends OperationName>(
  app: Hono<StatusBindings>,
  name: N,
  { handlers, operatorsOnly }: ApiSettings,
): void {
  const operation = OPERATIONS[name];
  const handler = handlers[name];
  const answer = async (c: Context<StatusBindings>): Promise<Response> => {
    const values = readParameters(operation.parameters, (parameter, from) =>
      from === "path" ? c.req.param(parameter) : c.req.query(parameter),
    );
    if (!values.ok) return problem(c, 400, values.error);
    const reply = await handler({ values: values.value, request: requestOf(c) });
    return send(c, operation.answers, reply);
  };
  const route = routeOf(operation.path);
  if (operation.access === "operate") app.on(operation.method, route, operatorsOnly, answer);
  else app.on(operation.method, route, answer);
}

/** Hono writes `{id}` as `:id`. */
function routeOf(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}

function wrongMethod(c: Context, allowed: string): Response {
  const detail = `${c.req.method} is not possible here: send ${allowed.replace(", ", " or ")}`;
  return problem(c, 405, detail, { Allow: allowed });
}

function send(c: Context<StatusBindings>, answers: Answers, reply: AnyReply): Response {
  if (!reply.ok) {
    const { status, detail, more = {}, headers } = reply.error;
    return problem(c, status, { detail, more }, headers);
  }
  const { status, body, headers } = reply.value;
  return c.body(bodyOf(body), status, { "Content-Type": typeOf(answers[status]), ...headers });
}

function bodyOf(body: object | string): string | ReadableStream<Uint8Array> {
  if (typeof body === "string" || body instanceof ReadableStream) return body;
  return "jsonText" in body ? String(body.jsonText) : JSON.stringify(body);
}

function typeOf(answer: AnswerKind | undefined): string {
  return answer !== undefined && isMedia(answer) ? MEDIA[answer].type : "application/json";
}

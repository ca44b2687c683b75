/** One table: the server, the OpenAPI document and its page know the same operations. */

import { describe, expect, test } from "bun:test";
import type { Hono } from "hono";
import { asInstant } from "../../../../src/octets/instant.ts";
import { ok } from "../../../../src/octets/result.ts";
import { isMedia, MEDIA } from "../../../../src/status/api/answer.ts";
import { openApi } from "../../../../src/status/api/openapi.ts";
import { OPERATIONS, type Operation } from "../../../../src/status/api/operations.ts";
import { type Parameter, PEER_ID } from "../../../../src/status/api/parameters.ts";
import { ANSWERS } from "../../../../src/status/api/schemas.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import type { Control } from "../../../../src/status/control.ts";
import type { StatusBindings } from "../../../../src/status/request.ts";
import { sourcesIn } from "../../../house/source.ts";
import { sampleSource } from "../sample.ts";

const READ = "read-token-0123456789";
const OPERATE = "operate-token-0123456789";
const done = () => ok({ outcome: "closing", after: 7, detail: "on its way" } as const);
/** Enough time between two requests. */
let clock = 0;

const control: Control = {
  ...{ token: OPERATE, connect: done, disconnect: done, rekey: done, reloadPeer: done },
  ...{
    redirect: done,
    redirectAll: async () => done(),
    stopRedirects: done,
    debug: done,
    logLevel: done,
  },
  reload: () => Promise.resolve(done()),
  onDenied: () => {},
  capture: () => ok(new Response("pcapng").body ?? new ReadableStream()),
  debugged: () => [{ asked: "site-1", seconds: 60 }],
  now() {
    clock += 1_000;
    return asInstant(clock);
  },
};
const newApp = () =>
  createStatusApp(
    sampleSource({ sites: 3 }),
    { token: READ, operateToken: OPERATE, host: "127.0.0.1" },
    control,
  );
const app = newApp();
const operations = Object.entries<Operation>(OPERATIONS);

type Responses = Readonly<Record<string, { readonly content: Record<string, unknown> }>>;
type Document = {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId: string; responses: Responses }>>;
  readonly components: { readonly schemas: Record<string, object> };
};
const document = openApi("1") as unknown as Document;

describe("nothing is in one place and missing in another", () => {
  const described = operations.map(([, { method, path }]) => `${method} ${path}`).sort();

  /** The routes of a server, without its pages; Hono's middleware is at `/*`. */
  function served(of: Hono<StatusBindings>): string[] {
    const routes = of.routes
      .filter(({ path }) => !/^\/(\*|status\/.*)?$/.test(path))
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}")}`);
    return [...new Set(routes)].sort();
  }
  /** A path refuses all methods that it does not have. */
  const withRefusals = [
    ...new Set([...described, ...operations.map(([, { path }]) => `all ${path}`)]),
  ].sort();

  test("the server has the routes of the table, and no others", () => {
    expect(served(app)).toEqual(withRefusals);
  });

  test("the check sees a route beside the table, of any method", () => {
    for (const method of ["GET", "POST", "ALL"]) {
      const planted = newApp();
      planted.on(method, "/api/v1/planted", (c) => c.text("planted"));
      const more = served(planted).filter((route) => !withRefusals.includes(route));
      expect(more).toEqual([`${method.toLowerCase()} /api/v1/planted`]);
    }
  });

  test("the document has the operations of the table", () => {
    const inDocument = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(inDocument.sort()).toEqual(described);
  });

  test("the page has them, with all parameters, and loads nothing from elsewhere", async () => {
    const page = await (await ask(OPERATIONS.docs, READ)).text();
    const sections = page.split("<section>").slice(1);
    expect(sections.length).toBe(operations.length);
    for (const [i, [, operation]] of operations.entries()) {
      const section = sections[i] ?? "";
      expect(section).toContain(`${operation.method.toUpperCase()} ${operation.path}`);
      for (const name of Object.keys(operation.parameters)) {
        expect(section).toMatch(new RegExp(`scope="row" class="narrow">${name}<`));
      }
    }
    expect(page).not.toMatch(/https?:\/\//);
  });

  test("a path's names in braces are its path parameters", () => {
    for (const [name, { path, parameters }] of operations) {
      const inBraces = [...path.matchAll(/\{(\w+)\}/g)].map(([, inner]) => inner);
      const inPath = Object.entries(parameters).filter(([, parameter]) => parameter.in === "path");
      expect([name, inBraces]).toEqual([name, inPath.map(([parameter]) => parameter)]);
    }
  });

  test("the commands and the pages ask for paths of the table", () => {
    const known = operations.map(([, { path }]) => {
      const pattern = path.replace(/[.]/g, "\\.").replace("{id}", "(\\$\\{.*\\}|:id|\\{id\\}|ID)");
      return new RegExp(`^${pattern}(\\$\\{.*|\\?.*)?$`);
    });
    const asked = [...sourcesIn("src/cli"), ...sourcesIn("src/status/pages")].flatMap(
      ({ path, text }) =>
        [...text.matchAll(/["`](\/(?:api\/v1|metrics|healthz)[^"`\n]*)["`]/g)].map(
          ([, of = ""]) => `${path}: ${of}`,
        ),
    );
    expect(asked.length).toBeGreaterThan(25);
    const unknown = asked.filter((one) => {
      const of = one.slice(one.indexOf(": ") + 2);
      // The rest of these is an action's name, which their tests ask for.
      if (/\$\{what\}|WHAT/.test(of)) return false;
      return !known.some((pattern) => pattern.test(of));
    });
    expect(unknown).toEqual([]);
  });
});

const placeOf = (path: string) => path.replace("{id}", "site-1.customer.example");

async function ask(
  { method, path }: Operation,
  token: string | undefined,
  query = "",
  of = app,
): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const request = { method: method.toUpperCase(), headers };
  const response = await of.request(`${placeOf(path)}?${query}`, request);
  inDocument({ method, path }, response);
  return response;
}

/** The document has the status and media type of every answer. */
function inDocument({ method, path }: Pick<Operation, "method" | "path">, response: Response) {
  const said = document.paths[path]?.[method]?.responses[String(response.status)];
  const type = response.headers.get("content-type")?.replace(/;.*/, "") ?? "";
  const found = Object.keys(said?.content ?? {});
  expect([method, path, response.status, found]).toEqual([method, path, response.status, [type]]);
}

/** What a request must contain. */
function neededOf({ parameters }: Operation): string {
  return Object.entries(parameters)
    .filter(([, parameter]) => parameter.isRequired && parameter.in === "query")
    .map(([name, parameter]) => `${name}=${rightFor(parameter)[0]}`)
    .join("&");
}

describe("what the server answers fits the document", () => {
  for (const [name, operation] of operations) {
    test(name, async () => {
      const response = await ask(operation, OPERATE, neededOf(operation));
      expect(response.status).toBeLessThan(300);
      const answer = Object.entries(operation.answers).find(
        ([status]) => status === String(response.status),
      )?.[1];
      if (answer === undefined) throw new Error(`${response.status} is not in the table`);
      if (isMedia(answer)) {
        expect(response.headers.get("content-type")).toBe(MEDIA[answer].type);
        await response.body?.cancel();
      } else {
        const read = ANSWERS[answer].safeParse(await response.json());
        expect(read.error?.issues ?? []).toEqual([]);
      }
    });
  }

  test("so does health with problems", async () => {
    const ill = createStatusApp(sampleSource({ sites: 0, problems: ["db.example"] }), {
      token: undefined,
      host: "127.0.0.1",
    });
    const response = await ill.request("/healthz");
    expect(response.status).toBe(503);
    inDocument(OPERATIONS.health, response);
    expect(ANSWERS.health.safeParse(await response.json()).error?.issues ?? []).toEqual([]);
  });
});

describe("each operation needs the token that the table says", () => {
  const LEAST = { open: undefined, read: READ, operate: OPERATE };
  const LESS = { open: undefined, read: undefined, operate: READ };
  for (const [name, operation] of operations) {
    test(name, async () => {
      const { access } = operation;
      const right = await ask(operation, LEAST[access], neededOf(operation));
      expect(right.status).toBeLessThan(300);
      await right.body?.cancel();
      if (access === "open") return;
      // From a server without wrong tokens so far.
      const wrong = await ask(operation, LESS[access], neededOf(operation), newApp());
      expect(wrong.status).toBe(401);
    });
  }
});

/** Values that a parameter may have. */
function rightFor({ schema }: Parameter<unknown>): readonly unknown[] {
  if (schema.type === "boolean") return [true, false];
  if (Array.isArray(schema.enum)) return schema.enum;
  if (Array.isArray(schema.examples)) return schema.examples;
  return "minimum" in schema ? [schema.minimum, schema.maximum] : ["x"];
}

/** Values that a parameter may not have. */
function wrongFor({ schema }: Parameter<unknown>): readonly unknown[] {
  if (schema.type === "string" && schema.enum === undefined) return ["x".repeat(300)];
  if (schema.type !== "integer") return ["-7.5"];
  return [Number(schema.minimum) - 1, Number(schema.maximum) + 1, "-7.5", "0x10", "1e2", ""];
}

describe("each parameter is checked as the document says", () => {
  for (const [name, operation] of operations) {
    const needed = neededOf(operation);
    for (const [parameterName, parameter] of Object.entries(operation.parameters)) {
      if (parameter.in === "path") continue;
      test(`${name}: ${parameterName}`, async () => {
        for (const value of wrongFor(parameter)) {
          const wrong = await ask(operation, OPERATE, `${parameterName}=${value}&${needed}`);
          expect([value, wrong.status]).toEqual([value, 400]);
          const read = ANSWERS.problem.safeParse(await wrong.json());
          expect(read.data?.detail).toContain(`${parameterName} must be ${parameter.wanted}`);
        }
        // The egroup is one of those that are configured.
        const values = parameterName === "egroup" ? ["sites"] : rightFor(parameter);
        for (const value of values) {
          const right = await ask(operation, OPERATE, `${parameterName}=${value}&${needed}`);
          expect([value, right.status < 300]).toEqual([value, true]);
          await right.body?.cancel();
        }
        if (!parameter.isRequired) return;
        const missing = await ask(operation, OPERATE);
        expect([missing.status, await missing.text()]).toEqual([
          400,
          expect.stringContaining(`${parameterName} is missing: ${parameter.wanted}`),
        ]);
      });
    }
  }

  test("an impossible peer ID is refused by each operation that takes one", async () => {
    const withId = operations.filter(([, { parameters }]) => parameters.id === PEER_ID);
    expect(withId.length).toBeGreaterThan(8);
    for (const [, operation] of withId) {
      for (const id of ["x".repeat(256), "a%0Ab"]) {
        const { method, path } = operation;
        const headers = { authorization: `Bearer ${OPERATE}` };
        const at = `${path.replace("{id}", id)}?${neededOf(operation)}`;
        const refused = await app.request(at, { method: method.toUpperCase(), headers });
        inDocument(operation, refused);
        expect([at, refused.status]).toEqual([at, 400]);
      }
    }
  });
});

test("other methods are refused on each path, with those that it has", async () => {
  for (const [, { method, path }] of operations) {
    const headers = { authorization: `Bearer ${OPERATE}` };
    const refused = await app.request(placeOf(path), { method: "PUT", headers });
    const allow = method === "get" ? "GET, HEAD" : "POST";
    expect([path, refused.status, refused.headers.get("allow")]).toEqual([path, 405, allow]);
  }
});

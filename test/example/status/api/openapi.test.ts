/** The OpenAPI document is what the server does: routes, parameters, answers, problems. */

import { describe, expect, test } from "bun:test";
import { asInstant } from "../../../../src/octets/instant.ts";
import { ok } from "../../../../src/octets/result.ts";
import { openApi } from "../../../../src/status/api/openapi.ts";
import {
  OPERATIONS,
  type Operation,
  PARAMETERS,
  type ParameterName,
} from "../../../../src/status/api/operations.ts";
import { ANSWERS } from "../../../../src/status/api/schemas.ts";
import { createStatusApp } from "../../../../src/status/app.ts";
import type { Control } from "../../../../src/status/control.ts";
import { sampleSource } from "../sample.ts";

const TOKEN = "operate-token-0123456789";
const done = () => ok({ outcome: "closing", after: 7, detail: "on its way" } as const);
/** Time enough between any two requests. */
let clock = 0;
function aSecondLater() {
  clock += 1_000;
  return asInstant(clock);
}

const control: Control = {
  ...{ token: TOKEN, connect: done, disconnect: done, rekey: done, reloadPeer: done },
  ...{
    redirect: done,
    stopRedirects: done,
    debug: done,
    capture: () => ok(new Response("pcapng").body ?? new ReadableStream()),
    debugged: () => [{ asked: "site-1", seconds: 60 }],
    logLevel: done,
  },
  ...{ reload: done, onDenied: () => {}, now: aSecondLater },
};
const source = sampleSource({ sites: 3 });
const app = createStatusApp(source, { token: undefined, host: "127.0.0.1" }, control);

type Document = {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId: string; responses: object }>>;
  readonly components: { readonly schemas: Record<string, object> };
};
const document = (await (await app.request("/api/v1/openapi.json")).json()) as Document;

const placeOf = (path: string) => path.replace("{id}", "site-1.customer.example");

test("each route of the API is in the document, and nothing else is", () => {
  const described = OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort();
  const routes = app.routes
    .filter(({ method, path }) => method !== "ALL" && /^\/(api|metrics|healthz)/.test(path))
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(":id", "{id}")}`);
  expect([...new Set(routes)].sort()).toEqual(described);
  const inDocument = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  );
  expect(inDocument.sort()).toEqual(described);
});

test("the document is OpenAPI 3.1: no reference leads nowhere, no id is there twice", () => {
  expect(document.openapi).toBe("3.1.0");
  const text = JSON.stringify(openApi("1"));
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(15);
  const missing = references.filter(([, name = ""]) => !(name in document.components.schemas));
  expect(missing.map(([reference]) => reference)).toEqual([]);
  expect(text).not.toContain('"$ref":"#/$defs');
  expect(Object.keys(document.components.schemas)).not.toContain("__shared");
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
});

describe("what the server answers fits the document", () => {
  for (const operation of OPERATIONS) {
    const { method, path, answer } = operation;
    const schema = answer in ANSWERS ? ANSWERS[answer as keyof typeof ANSWERS] : undefined;
    if (schema === undefined) continue;
    test(`${method} ${path}`, async () => {
      const needed = (operation.required ?? []).map((name) => `${name}=${rightFor(name)[0]}`);
      const response = await ask(operation, needed.join("&"));
      expect(response.status).toBeLessThan(300);
      const read = schema.safeParse(await response.json());
      expect(read.error?.issues ?? []).toEqual([]);
    });
  }
});

async function ask({ method, path }: Operation, query: string): Promise<Response> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const request = { method: method.toUpperCase(), headers };
  return await app.request(`${placeOf(path)}?${query}`, request);
}

/** What a parameter may be. */
function rightFor(name: ParameterName): readonly unknown[] {
  const { schema } = PARAMETERS[name];
  if (schema.type === "boolean") return [true, false];
  if ("enum" in schema) return schema.enum as readonly unknown[];
  return "minimum" in schema ? [Math.max(1, schema.minimum as number)] : ["x"];
}

/** What a parameter may not be. */
function wrongFor(schema: Readonly<Record<string, unknown>>): string {
  return schema.type === "string" && schema.enum === undefined ? "x".repeat(300) : "-7.5";
}

describe("each parameter is held to what the document says of it", () => {
  for (const operation of OPERATIONS) {
    const { path, parameters = [] } = operation;
    for (const name of parameters) {
      test(`${path} ${name}`, async () => {
        const wrong = await ask(operation, `${name}=${wrongFor(PARAMETERS[name].schema)}`);
        expect(wrong.status).toBe(400);
        const read = ANSWERS.problem.safeParse(await wrong.json());
        expect(read.data?.detail).toContain(name);
        for (const value of rightFor(name)) {
          const right = await ask(operation, `${name}=${value}`);
          expect([value, right.status < 300]).toEqual([value, true]);
          await right.body?.cancel();
        }
      });
    }
  }
});

test("the document has what linters of OpenAPI ask for", () => {
  const document = openApi("1") as unknown as {
    servers: { url: string }[];
    paths: Record<string, Record<string, { security?: unknown; responses: object }>>;
    components: { schemas: unknown };
  };
  expect(document.servers.length).toBe(1);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const { security, responses } of Object.values(methods)) {
      expect([path, Array.isArray(security)]).toEqual([path, true]);
      expect([path, Object.keys(responses).some((status) => /^4/.test(status))]).toEqual([
        ...[path, true],
      ]);
    }
  }
  const undefinedNames: string[] = [];
  const walk = (value: unknown, at: string): void => {
    if (typeof value !== "object" || value === null) return;
    const { required, properties } = value as { required?: unknown; properties?: object };
    for (const name of Array.isArray(required) ? required : []) {
      if (!Object.hasOwn(properties ?? {}, name)) undefinedNames.push(`${at}.${name}`);
    }
    for (const [key, inner] of Object.entries(value)) walk(inner, `${at}.${key}`);
  };
  walk(document.components.schemas, "");
  expect(undefinedNames).toEqual([]);
});

test("the page shows each operation, and loads nothing from elsewhere", async () => {
  const page = await (await app.request("/api/v1/docs")).text();
  for (const { path } of OPERATIONS) expect(page).toContain(path);
  expect(page).not.toMatch(/https?:\/\//);
});

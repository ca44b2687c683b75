/** The OpenAPI document by itself: references, ids, and what linters ask for. */

import { expect, test } from "bun:test";
import { openApi } from "../../../../src/status/api/openapi.ts";

type Document = {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId: string }>>;
  readonly components: { readonly schemas: Record<string, object> };
};
const document = openApi("1") as unknown as Document;

test("the document is OpenAPI 3.1: each reference resolves, no id occurs twice", () => {
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

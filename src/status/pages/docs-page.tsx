/** @jsxImportSource hono/jsx */
/** The API as a page: made from the same operations as the OpenAPI document. */

import type { FC } from "hono/jsx";
import { OPENAPI_PATH, OPERATIONS, type Operation, PARAMETERS } from "../api/operations.ts";
import { Document, documentText } from "./document.tsx";
import { Prose } from "./page-parts.tsx";

const ACCESS: Readonly<Record<Operation["access"], string>> = {
  open: "no token",
  read: "status.token_file, if it is set",
  operate: "status.operate_token_file",
};

/** The text of the whole page. */
export function docsPage(): string {
  return documentText(
    <Document title="API">
      <main id="main">
        <h1>API</h1>
        <p>
          Version 1, as an <a href={OPENAPI_PATH}>OpenAPI 3.1 document</a>. Tokens travel as{" "}
          <code>Authorization: Bearer TOKEN</code>. What is wrong with a request is answered as{" "}
          <code>application/problem+json</code>: its <code>detail</code> says what would be right.
        </p>
        {OPERATIONS.map((operation) => (
          <Section operation={operation} />
        ))}
      </main>
    </Document>,
  );
}

const Section: FC<{ operation: Operation }> = ({ operation }) => {
  const { method, path, summary, access, parameters = [] } = operation;
  return (
    <section>
      <h2>
        <code>
          {method.toUpperCase()} {path}
        </code>
      </h2>
      <p>
        {summary} <span class="dim">Token: {ACCESS[access]}.</span>
      </p>
      {parameters.length > 0 && (
        <table>
          <caption>Parameters</caption>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Values</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {parameters.map((name) => (
              <tr>
                <th scope="row" class="narrow">
                  {name}
                </th>
                <td data-label="Values">{valuesText(PARAMETERS[name].schema)}</td>
                <td data-label="What">
                  <Prose text={PARAMETERS[name].description} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
};

/** `1 to 1000, else 200`; the words; `text of at most 256 characters`. */
function valuesText(schema: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(schema.enum)) return schema.enum.join(", ");
  if (schema.type === "string") return `text of at most ${schema.maxLength} characters`;
  const otherwise = schema.default === undefined ? "" : `, else ${schema.default}`;
  const most = schema.maximum === Number.MAX_SAFE_INTEGER ? "up" : `to ${schema.maximum}`;
  return `${schema.minimum} ${most}${otherwise}`;
}

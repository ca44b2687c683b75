/** @jsxImportSource hono/jsx */
/** The API as a page: made from the same operations as the OpenAPI document. */

import type { FC } from "hono/jsx";
import { OPENAPI_PATH, OPERATIONS, type Operation } from "../api/operations.ts";
import type { Parameter } from "../api/parameters.ts";
import { Document, documentText } from "./document.tsx";
import { Prose } from "./page-parts.tsx";

const ACCESS: Readonly<Record<Operation["access"], string>> = {
  open: "none",
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
          <code>Authorization: Bearer TOKEN</code>. A request that is wrong is answered with{" "}
          <code>application/problem+json</code>: its <code>detail</code> says what would be right.
        </p>
        {Object.values<Operation>(OPERATIONS).map((operation) => (
          <Section operation={operation} />
        ))}
      </main>
    </Document>,
  );
}

const Section: FC<{ operation: Operation }> = ({ operation }) => {
  const { method, path, summary, access } = operation;
  const parameters = Object.entries(operation.parameters);
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
            {parameters.map(([name, parameter]) => (
              <tr>
                <th scope="row" class="narrow">
                  {name}
                </th>
                <td data-label="Values">{valuesText(parameter)}</td>
                <td data-label="What">
                  <Prose text={parameter.description} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
};

/** `a whole number from 1 to 1000; 200 if not given`. */
function valuesText({ wanted, isRequired, schema }: Parameter<unknown>): string {
  if (isRequired) return `${wanted}; required`;
  return schema.default === undefined ? wanted : `${wanted}; ${schema.default} if not given`;
}

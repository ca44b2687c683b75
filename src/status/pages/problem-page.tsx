/** @jsxImportSource hono/jsx */
/** A problem as a page: what is wrong, and a link back. */

import { TUNNELS_PATH } from "../paths.ts";
import { Document, documentText } from "./document.tsx";

export type Problem = {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
};

/** The page must be readable without its style sheet, which may be refused too. */
export function problemPage({ status, title, detail }: Problem): string {
  return documentText(
    <Document title={title}>
      <main id="main">
        <h1>{title}</h1>
        <p class="banner">{detail}</p>
        <p>
          <a href={TUNNELS_PATH}>Dynamic Tunnels</a>
        </p>
      </main>
      <footer class="dim">HTTP status {status}</footer>
    </Document>,
  );
}

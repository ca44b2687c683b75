/** @jsxImportSource hono/jsx */
/** A problem for people: what is wrong, and the way back. */

import { TUNNELS_PATH } from "../paths.ts";
import { Document, documentText } from "./document.tsx";

export type Problem = {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
};

/** The page of a problem. It has to be readable without its style sheet, which may be refused. */
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

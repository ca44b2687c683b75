/** @jsxImportSource hono/jsx */
/** What all pages have in common: head, place in the menu, style sheet; nothing from elsewhere. */

import type { FC, PropsWithChildren } from "hono/jsx";

/** Where the page of dynamic tunnels is (R8). */
export const TUNNELS_PATH = "/status/ipsec/dynamic-tunnels";
export const STYLE_PATH = "/status/style.css";

/** A whole page, but for the doctype: see {@link documentText}. */
export const Document: FC<PropsWithChildren<{ title: string }>> = ({ title, children }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{title} - erouted</title>
      <link rel="stylesheet" href={STYLE_PATH} />
      <link rel="icon" href="data:," />
    </head>
    <body>
      <nav aria-label="Place">
        Status &gt; IPsec &gt; <a href={TUNNELS_PATH}>Dynamic Tunnels</a>
      </nav>
      {children}
    </body>
  </html>
);

/** A page as it is sent. */
export function documentText(page: unknown): string {
  return `<!doctype html>${String(page)}`;
}

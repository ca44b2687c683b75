/** @jsxImportSource hono/jsx */
/** The frame of all pages: head, menu, style sheet, script; nothing from other servers. */

import type { FC, PropsWithChildren } from "hono/jsx";
import {
  EROUTES_PATH,
  EVENTS_PATH,
  IKE_SAS_PATH,
  NOT_CONNECTED_PATH,
  PEERS_PATH,
  SCRIPT_PATH,
  STYLE_PATH,
  SYSTEM_PATH,
  TUNNELS_PATH,
} from "../paths.ts";

type DocumentProps = PropsWithChildren<{
  readonly title: string;
  /** The place in the menu. */
  readonly path?: string;
  /** Whether the open page updates itself. */
  readonly live?: true;
}>;

const IPSEC: readonly (readonly [string, string])[] = [
  [TUNNELS_PATH, "Dynamic Tunnels"],
  [NOT_CONNECTED_PATH, "Not connected"],
  [EROUTES_PATH, "Eroutes"],
  [IKE_SAS_PATH, "IKE SAs"],
  [PEERS_PATH, "Peers"],
];
const OTHERS: readonly (readonly [string, string])[] = [
  [EVENTS_PATH, "Events"],
  [SYSTEM_PATH, "System"],
];

/** A whole page except the doctype: see {@link documentText}. */
export const Document: FC<DocumentProps> = ({ title, path, live, children }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{title} - erouted</title>
      <link rel="stylesheet" href={STYLE_PATH} />
      <link rel="icon" href="data:," />
      {live && <script src={SCRIPT_PATH} defer />}
    </head>
    <body>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <nav aria-label="Place">
        <span>Status</span>
        <ul>
          <li>
            <span>IPsec</span>
            <Links of={IPSEC} path={path} />
          </li>
          <li>
            <Links of={OTHERS} path={path} />
          </li>
        </ul>
      </nav>
      {children}
    </body>
  </html>
);

const Links: FC<{ of: readonly (readonly [string, string])[]; path: string | undefined }> = ({
  of,
  path,
}) => (
  <ul>
    {of.map(([to, name]) => (
      <li>
        <a href={to} {...(to === path ? { "aria-current": "page" } : {})}>
          {name}
        </a>
      </li>
    ))}
  </ul>
);

/** A page as it is sent. */
export function documentText(page: unknown): string {
  return `<!doctype html>${String(page)}`;
}

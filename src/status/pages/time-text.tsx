/** @jsxImportSource hono/jsx */
/** Points in time on pages, in UTC: date and time of day, which may be on two lines. */

import type { FC } from "hono/jsx";

/** `2026-11-23 13:20:01`. */
export const TimeText: FC<{ wallMs: number }> = ({ wallMs }) => {
  const iso = new Date(Math.round(wallMs)).toISOString();
  return (
    <time datetime={iso}>
      {iso.slice(0, 10)} <span class="whole">{iso.slice(11, 19)}</span>
    </time>
  );
};

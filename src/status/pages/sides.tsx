/** @jsxImportSource hono/jsx */
/** A table of what a site offered and what is configured, part by part if the parts are known. */

import type { FC } from "hono/jsx";
import type { ComparedPart, Comparison } from "../../why/compare.ts";

/** Both sides of a refusal. */
export const Sides: FC<{ of: Comparison }> = ({ of }) => (
  <>
    <h2>Both sides</h2>
    <table class="sides">
      <thead>
        <tr>
          {of.nearest.length > 0 && <th scope="col">Part</th>}
          <th scope="col">The site offers</th>
          <th scope="col">Configured here</th>
        </tr>
      </thead>
      <tbody>{of.nearest.length > 0 ? of.nearest.map(partRow) : <AsTheyCame of={of} />}</tbody>
    </table>
  </>
);

function partRow({ part, offered, configured, common }: ComparedPart) {
  const isApart = common.length === 0;
  return (
    <tr>
      <th scope="row">
        {part}
        {isApart && <span class="line bad">nothing in common</span>}
      </th>
      <td data-label="The site" class="mono">
        <Lines of={isApart ? offered : common} />
      </td>
      <td data-label="Here" class="mono">
        <Lines of={isApart ? configured : common} />
      </td>
    </tr>
  );
}

const AsTheyCame: FC<{ of: Comparison }> = ({ of }) => (
  <tr>
    <td data-label="The site" class="mono">
      <Lines of={of.offered} />
    </td>
    <td data-label="Here" class="mono">
      <Lines of={of.configured} />
    </td>
  </tr>
);

const Lines: FC<{ of: readonly string[] }> = ({ of }) => (
  <>
    {of.map((text) => (
      <span class="line">{text}</span>
    ))}
  </>
);

/** @jsxImportSource hono/jsx */
/** Searching, sorting and paging of lists by plain links and forms: no script is needed. */

import type { FC } from "hono/jsx";
import type { AlgorithmFilter } from "../../why/algorithm-filter.ts";
import { EROUTE_SORTS, EROUTE_STATES, type ErouteQuery } from "../lists/eroutes.ts";

/** The query string of a list with a change; empty parameters are left out. */
export function listHref(query: ErouteQuery, page: number): string {
  const parameters = new URLSearchParams();
  if (query.text !== undefined) parameters.set("q", query.text);
  if (query.eroute !== undefined) parameters.set("eroute", query.eroute);
  if (query.state !== undefined) parameters.set("state", query.state);
  if (query.with !== undefined) parameters.set("with", query.with.word);
  if (query.without !== undefined) parameters.set("without", query.without.word);
  if (query.sort !== undefined) parameters.set("sort", sortText(query));
  parameters.set("page", String(page));
  return `?${parameters}`;
}

function sortText({ sort, descending }: ErouteQuery): string {
  return sort === undefined ? "" : `${descending ? "-" : ""}${sort}`;
}

const SORT_NAMES: Readonly<Record<(typeof EROUTE_SORTS)[number], string>> = {
  peer_id: "peer ID",
  eroute: "eroute",
  state: "state",
  peer_address: "address",
  created_at: "age",
  bytes_in: "received",
  bytes_out: "sent",
};

type SearchProps = { readonly query: ErouteQuery; readonly eroutes: readonly string[] };

/** The form above a list of eroutes. */
export const SearchForm: FC<SearchProps> = ({ query, eroutes }) => {
  const sort = sortText(query);
  const sorts = EROUTE_SORTS.flatMap((key) => [
    [key, `by ${SORT_NAMES[key]}`],
    [`-${key}`, `by ${SORT_NAMES[key]}, descending`],
  ]);
  return (
    <form class="search" method="get">
      <label>
        <span>Search</span>
        <input type="search" name="q" value={query.text ?? ""} maxlength={256} />
      </label>
      <label for="eroute">
        <span>Eroute</span>
        <Choice name="eroute" chosen={query.eroute} of={eroutes.map((name) => [name, name])} />
      </label>
      <label for="state">
        <span>State</span>
        <Choice name="state" chosen={query.state} of={EROUTE_STATES.map((s) => [s, s])} />
      </label>
      <Algorithm name="with" caption="With algorithm" filter={query.with} />
      <Algorithm name="without" caption="Without algorithm" filter={query.without} />
      <label for="sort">
        <span>Order</span>
        <Choice name="sort" chosen={sort} of={sorts} none="oldest first" />
      </label>
      <button type="submit">Show</button>
    </form>
  );
};

type AlgorithmProps = {
  readonly name: "with" | "without" | "offers";
  readonly caption: string;
  readonly filter: AlgorithmFilter | undefined;
};

/** A field for the name of an algorithm. */
export const Algorithm: FC<AlgorithmProps> = ({ name, caption, filter }) => (
  <label>
    <span>{caption}</span>
    <input type="text" name={name} value={filter?.word ?? ""} maxlength={64} size={10} />
  </label>
);

type ChoiceProps = {
  readonly name: string;
  readonly chosen: string | undefined;
  readonly of: readonly (readonly string[])[];
  readonly none?: string;
};

/** A `select` of words, the first entry of which chooses none. */
export const Choice: FC<ChoiceProps> = ({ name, chosen, of, none = "all" }) => (
  <select name={name} id={name}>
    <option value="">{none}</option>
    {of.map(([value = "", text = value]) => (
      <option value={value} {...(value === chosen ? { selected: true } : {})}>
        {text}
      </option>
    ))}
  </select>
);

type PagesProps = { readonly page: number; readonly pages: number; href(page: number): string };

/** Links to the pages around this one; nothing if there is only one. */
export const Pages: FC<PagesProps> = ({ page, pages, href }) => {
  if (pages === 1 && page === 1) return null;
  return (
    <nav class="pages" aria-label="Pages">
      {page > 1 && (
        <a href={href(Math.min(page - 1, pages))} rel="prev">
          Previous
        </a>
      )}
      <span>
        Page {page} of {pages}
      </span>
      {page < pages && (
        <a href={href(page + 1)} rel="next">
          Next
        </a>
      )}
    </nav>
  );
};

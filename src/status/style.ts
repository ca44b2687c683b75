/** The style sheet of all pages: light and dark, tables on a desk, cards on a phone. */

export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5a6675; --line: #d5dbe3; --ground: #fff;
  --head: #f3f5f8; --ok: #176b3a; --warn: #8a4b00; --bad: #a3181f; --warn-ground: #fff3df; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9f0; --dim: #9aa7b8; --line: #333d4b; --ground: #12161c; --head: #1b222b;
    --ok: #6fd39a; --warn: #ffc46b; --bad: #ff8a8f; --warn-ground: #33270f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 90rem; padding: 1rem 1.25rem 3rem; background: var(--ground);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
nav { color: var(--dim); } nav a { color: inherit; }
h1 { font-size: 1.5rem; margin: .25rem 0 1rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
a { color: inherit; }
dl.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0 0 1rem; }
dl.figures dt { color: var(--dim); font-size: .85rem; }
dl.figures dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.banner { border-left: .3rem solid var(--warn); background: var(--warn-ground);
  padding: .6rem .9rem; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--dim); padding: 0 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem .45rem 0;
  border-bottom: 1px solid var(--line); }
thead th { background: var(--head); font-weight: 600; padding-left: .5rem; white-space: nowrap; }
tbody th, td { padding-left: .5rem; overflow-wrap: break-word; }
tbody th { font-weight: 600; min-width: 13rem; overflow-wrap: anywhere; }
.whole { white-space: nowrap; } .detail { display: block; }
code, .mono { font-family: ui-monospace, monospace; font-size: .9em; }
.dim { color: var(--dim); } .ok { color: var(--ok); } .warn { color: var(--warn); }
.bad { color: var(--bad); }
p.pages a { margin-right: 1rem; }
@media (max-width: 50rem) {
  thead { position: absolute; left: -9999px; }
  table, tbody, tr, td, tbody th, caption { display: block; }
  tr { border: 1px solid var(--line); border-radius: .4rem; margin: 0 0 .8rem;
    padding: .3rem .6rem; }
  tbody th, td { border: 0; padding: .2rem 0; overflow-wrap: anywhere; }
  td::before { content: attr(data-label); display: block; color: var(--dim); font-size: .8rem; } }
`;

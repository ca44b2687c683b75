/** The style sheet of all pages: light and dark, tables on a desk, cards on a phone. */

export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5a6675; --line: #d5dbe3; --ground: #fff;
  --head: #f3f5f8; --link: #0b57a4; --ok: #176b3a; --warn: #8a4b00; --bad: #a3181f;
  --warn-ground: #fff3df; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9f0; --dim: #9aa7b8; --line: #333d4b; --ground: #12161c; --head: #1b222b;
    --link: #8cc2ff; --ok: #6fd39a; --warn: #ffc46b; --bad: #ff8a8f; --warn-ground: #33270f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 96rem; padding: 1rem 1.25rem 3rem; background: var(--ground);
  color: var(--ink); font: 14px/1.45 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
h1 { font-size: 1.6rem; margin: .25rem 0 1rem; } h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
nav, footer { color: var(--dim); } footer { margin-top: 2rem; } a { color: var(--link); }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; background: var(--ground); }
nav[aria-label=Place] { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0 0 .6rem;
  border-bottom: 1px solid var(--line); margin: 0 0 1rem; }
nav[aria-label=Place] ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0; padding: 0;
  list-style: none; }
nav[aria-label=Place] li { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
form.search { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; margin: 0 0 1rem; }
form.search label { display: flex; flex-direction: column; color: var(--dim); font-size: .93rem; }
input, select, button { font: inherit; color: var(--ink); background: var(--ground);
  border: 1px solid var(--dim); border-radius: .3rem; padding: .3rem .5rem; max-width: 100%;
  height: 2.3rem; }
button { background: var(--head); cursor: pointer; }
.actions { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0 0 1rem; }
.summary { font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere; }
tbody th.narrow { min-width: 6rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; }
.chart { margin: 0; } .chart svg { width: 100%; height: 5.5rem; display: block; }
.chart .axis { stroke: var(--line); } .chart polyline { fill: none; stroke-width: 1.5;
  vector-effect: non-scaling-stroke; stroke: var(--link); }
.chart .series-2 { stroke: var(--warn); stroke-dasharray: 4 2; }
dl.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0 0 1.25rem; }
dl.figures dt { color: var(--dim); font-size: .93rem; }
dl.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.banner { border-left: .3rem solid var(--warn); background: var(--warn-ground);
  padding: .6rem .9rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--dim); padding: 0 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .5rem;
  border-bottom: 1px solid var(--line); }
thead th { background: var(--head); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; min-width: 12.4rem; max-width: 20rem; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; } td.address { min-width: 10.6rem; }
.tunnels td { overflow-wrap: normal; }
td time, .child { font-variant-numeric: tabular-nums; }
.tunnels td.address { min-width: 9.6rem; overflow-wrap: anywhere; }
.child { min-width: 15rem; font-size: .93em; } .child .mono { font-size: 1em; }
.mono > .line { font-family: system-ui, sans-serif; } .child + .child { margin-top: .4rem; }
.whole { white-space: nowrap; } .line { display: block; font-weight: 400; }
.mono { font-family: ui-monospace, monospace; font-size: .93em; }
.dim { color: var(--dim); } .ok { color: var(--ok); } .warn { color: var(--warn); }
.bad { color: var(--bad); }
.pages { display: flex; gap: 1rem; margin: 1rem 0; } .pages a { font-weight: 600; }
@media (max-width: 60rem) {
  body { padding: .75rem .75rem 2rem; }
  nav[aria-label=Place], nav[aria-label=Place] ul, nav[aria-label=Place] li { display: inline; }
  nav[aria-label=Place] { display: block; }
  nav[aria-label=Place] :is(a, span) { display: inline-block; padding: .3rem .9rem .3rem 0; }
  input, select, button { height: 2.75rem; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table, tbody, tr, tbody th, td, caption { display: block; }
  tr { border: 1px solid var(--line); border-radius: .4rem; margin: 0 0 .8rem; overflow: hidden; }
  tbody th { background: var(--head); max-width: none; padding: .5rem .7rem; font-size: 1.07rem; }
  td, td.address, .tunnels td, .tunnels td.address { border: 0; min-width: 0; min-height: 1.9em;
    padding: .2rem .7rem .2rem 7.6rem; position: relative; overflow-wrap: anywhere; }
  td:last-child { padding-bottom: .6rem; }
  td::before { content: attr(data-label); color: var(--dim); position: absolute; left: .7rem;
    width: 6.4rem; font-family: system-ui, sans-serif; font-size: 13px; }
  .child { min-width: 0; } .pages a { padding: .3rem 0; } }
`;

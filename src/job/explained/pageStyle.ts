/**
 * The page's looks. Colours run from blue-grey to vermilion (told apart by colour-blind eyes), and each standing has a line
 * of its own besides; text stands out from its ground by at least 4.5 : 1 in both themes.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --text: #1c1f23; --quiet: #5a626c; --line: #d5dae0; --panel: #f5f7f9; --link: #0b57d0;
  --own: #e6eef7; --own-text: #1c1f23; --near: #cfe8f5; --near-text: #0b2a3a;
  --far: #ffdf9e; --far-text: #3a2500; --bad: #b3350a; --bad-text: #ffffff;
  --good: #0b5f8a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --text: #e6e9ec; --quiet: #a3adb8; --line: #3a424b; --panel: #1d2227; --link: #8ab4f8;
    --own: #252e38; --own-text: #e6e9ec; --near: #14425a; --near-text: #e4f4fc;
    --far: #6b4a00; --far-text: #fff1d6; --bad: #ff9466; --bad-text: #2a0d00;
    --good: #7cc4ee;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--ground); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p { margin: .25rem 0; }
a { color: var(--link); }
.valid h1 { color: var(--good); }
.invalid h1 { color: var(--bad); }
.quiet { color: var(--quiet); }
.text { margin: 0; padding: .75rem; border: 1px solid var(--line); border-radius: .4rem; white-space: pre-wrap;
  overflow-wrap: anywhere; line-height: 1.9; }
.text.plain { background: var(--panel); line-height: 1.5; font: .9rem/1.5 ui-monospace, monospace; }
.t { padding: .1em 0; border-radius: .15em; box-decoration-break: clone; -webkit-box-decoration-break: clone;
  border-right: 1px solid var(--ground); border-bottom: 2px solid transparent; color: inherit; }
.own { background: var(--own); color: var(--own-text); }
.near { background: var(--near); color: var(--near-text); border-bottom: 2px dotted currentColor; }
.far { background: var(--far); color: var(--far-text); border-bottom: 2px dashed currentColor; }
.beyond, .excluded { background: var(--bad); color: var(--bad-text); font-weight: 700; padding-inline: .2em;
  margin-inline: .25em;
  outline: 2px solid var(--text); }
.excluded { outline-style: double; outline-width: 4px; }
.unchecked { color: var(--quiet); font-style: italic; }
.end { color: var(--bad); font-weight: 700; font-style: normal; }
ul.legend { list-style: none; margin: .6rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem 1rem;
  font-size: .9rem; }
ul.legend .t { padding-inline: .4em; }
ul.checks { list-style: none; margin: 0; padding: 0; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; }
summary { cursor: pointer; padding: .25rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; min-width: 100%; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.wrong td { color: var(--bad); font-weight: 700; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; } }
`;

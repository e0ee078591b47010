/**
 * The looks of a page. Text and bars stand out from their ground by 4.5 and 3 : 1 or more in both themes; the colours of series are
 * Okabe and Ito's (2008) on white and lighter ones on black, which colour-blind eyes can tell apart.
 */
export const PAGE_STYLE = `
:root { color-scheme: light dark;
  --ground: #ffffff; --text: #1c1f23; --quiet: #5a626c; --line: #d5dae0; --panel: #f5f7f9;
  --c0: #0072b2; --c1: #c44f00; --c2: #00805d; --c3: #b0558c; --c4: #8a6508; --c5: #2b87bd; --c6: #333333; }
@media screen and (prefers-color-scheme: dark) { :root {
  --ground: #14171a; --text: #e6e9ec; --quiet: #a3adb8; --line: #3a424b; --panel: #1d2227;
  --c0: #56b4e9; --c1: #ff9e57; --c2: #2fd0a0; --c3: #e79bc6; --c4: #e6c14d; --c5: #a9c7ff; --c6: #cccccc; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 46rem; }
ul { margin: .4rem 0; padding-left: 1.2rem; max-width: 46rem; }
.quiet, .means { color: var(--quiet); }
.means { display: block; font-size: .85rem; font-weight: 400; white-space: normal; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.5rem 2rem; }
figure { margin: 0; max-width: 32rem; break-inside: avoid; }
figcaption { font-weight: 600; margin: 0 0 .35rem; }
figure svg { display: block; width: 100%; height: auto; }
figure text { fill: var(--text); font: 12px system-ui, sans-serif; }
.axis { stroke: var(--quiet); } .grid { stroke: var(--line); }
.s0 { fill: var(--c0); } .s1 { fill: var(--c1); } .s2 { fill: var(--c2); } .s3 { fill: var(--c3); }
.s4 { fill: var(--c4); } .s5 { fill: var(--c5); } .s6 { fill: var(--c6); }
.l0 { stroke: var(--c0); } .l1 { stroke: var(--c1); } .l2 { stroke: var(--c2); } .l3 { stroke: var(--c3); }
.l4 { stroke: var(--c4); } .l5 { stroke: var(--c5); } .l6 { stroke: var(--c6); }
ul.legend { list-style: none; padding: 0; margin: .25rem 0 0; display: flex; flex-wrap: wrap; gap: .15rem 1rem;
  font-size: .9rem; }
ul.legend li { display: flex; align-items: center; gap: .4rem; overflow-wrap: anywhere; }
ul.legend svg { flex: none; width: 1.5rem; height: .8rem; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .95rem; min-width: min(100%, 36rem); }
caption { text-align: left; font-weight: 600; padding: 0 0 .35rem; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 9rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
tr { break-inside: avoid; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; margin: .5rem 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; }
@media (max-width: 30rem) { tbody th { min-width: 7rem; } th, td { padding-right: .5rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .scroll { overflow: visible; }
  h2 { break-after: avoid; } figure { max-width: 24rem; } }
`;

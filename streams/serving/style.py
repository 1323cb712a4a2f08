"""How served pages look: by light and in the dark, on a desk, on a phone and on paper."""

from __future__ import annotations

#: One style for all pages; it asks for nothing from elsewhere. Colours have a contrast of 4.5 to 1 at least, both ways.
STYLE = """
:root {
  color-scheme: light dark; --page: #ffffff; --ink: #16222d; --soft: #4a5a68; --line: #cfd8e0; --head: #eaf1f6; --band: #f6f9fb;
  --part: #fbf3e4; --accent: #1f5f8b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101a23; --ink: #e4ebf1; --soft: #aab8c4; --line: #374859; --head: #1d2c3a; --band: #16232f; --part: #33290f;
    --accent: #74b6e2;
  }
}
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 3rem; }
body { color: var(--ink); background: var(--page); }
h1 { font-size: 1.7rem; margin: 0; } h2 { margin: 2.2rem 0 .4rem; border-top: 2px solid var(--accent); padding-top: .6rem; }
h3 { margin: 1.2rem 0 .3rem; font-size: 1.05rem; } h2 code { font-size: 1.2rem; }
.scroll { overflow-x: auto; position: relative; }
table { border-collapse: collapse; }
caption { text-align: left; color: var(--soft); font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
thead th { background: var(--head); } tbody th { font-weight: 400; }
tr.section th { font-weight: 600; background: var(--band); }
tr.missing td, tr.missing th { background: var(--part); font-size: .88rem; }
td.names, td.words, th.words { text-align: left; max-width: 26rem; } td.names { min-width: 7rem; }
td.unit, th.unit { text-align: left; color: var(--soft); }
td.absent { color: var(--soft); font-style: italic; } td[data-mark]::after { content: " " attr(data-mark); }
.why { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
nav { margin: .8rem 0; } .figures th, .figures td { padding: .3rem .5rem; } .figures td.absent { font-size: .88rem; }
.figures td[data-mark] { white-space: nowrap; }
.figures th:first-child { position: sticky; left: 0; background: var(--page); min-width: 11rem; max-width: 16rem; }
.figures thead th:first-child { background: var(--head); }
.figures tr.section th:first-child { background: var(--band); max-width: none; }
.figures tr.missing th:first-child { background: var(--part); }
.charts { display: flex; flex-wrap: wrap; gap: 1.2rem; }
figure { margin: .4rem 0; max-width: 30rem; } svg { max-width: 100%; height: auto; }
figcaption { font-weight: 600; font-size: .95rem; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.bar { fill: var(--accent); stroke: var(--accent); } .partial { fill: url(#partial); }
#partial .ground { fill: var(--page); } #partial .line { fill: var(--accent); }
.note, footer, .meta { color: var(--soft); font-size: .92rem; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--accent); }
dl { margin: .4rem 0 .4rem 1rem; } dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0 0 0 1rem; max-width: 60rem; }
pre { background: var(--band); border: 1px solid var(--line); padding: .5rem .8rem; overflow-x: auto; }
code, pre { font: .9rem ui-monospace, monospace; }
a { color: var(--accent); }
@media (max-width: 40rem) {
  body { padding: 1rem .7rem 2rem; } th, td { padding: .3rem .45rem; font-size: .92rem; }
  .figures th:first-child { min-width: 8.5rem; max-width: 9.5rem; }
}
@media print { body { max-width: none; padding: 0; } .scroll { overflow: visible; } figure, tr { break-inside: avoid; } }
"""

// The style sheet of report.html: one column, light or dark as the reader's system, and paper. All
// text has a contrast of at least 4.5:1, lines of diagrams 3:1; series differ in dashes as well as
// in colour.
#pragma once

namespace osteon::report {

inline constexpr const char* kStyle = R"css(
:root { color-scheme: light dark;
  --page: #fdfdfb; --ink: #1c2024; --quiet: #565d64; --rule: #d9dbd8; --panel: #f3f4f1;
  --image: #1b67a8; --study: #b04a06; --ghost: #767c82; --good: #1f7a4d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15181b; --ink: #e7e9ea; --quiet: #a4abb2; --rule: #353a3f; --panel: #1e2226;
  --image: #74b4ee; --study: #f0a05a; --ghost: #8b9299; --good: #6cc799; --bad: #f28b82; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 2.2rem 1.2rem 4rem; max-width: 62rem; background: var(--page);
  color: var(--ink); font: 1rem/1.55 "Source Serif 4", "Noto Serif", Georgia, "Times New Roman", serif; }
h1, h2, h3, table, figcaption, dl, .key, .entry, svg text, .eyebrow, footer {
  font-family: "Source Sans 3", "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: clamp(1.5rem, 4.5vw, 2.2rem); line-height: 1.2; margin: 0.2rem 0 0.8rem;
  letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 3rem 0 0.6rem; padding-top: 0.9rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.02rem; margin: 1.6rem 0 0.4rem; }
p { margin: 0.5rem 0; max-width: 44rem; }
.eyebrow { color: var(--quiet); font-size: 0.85rem; letter-spacing: 0.04em; margin: 0; }
.lead { font-size: 1.12rem; }
.warning { border: 2px solid var(--bad); border-radius: 0.4rem; padding: 0.6rem 0.9rem; font-weight: 600;
  font-family: "Source Sans 3", "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
.note, figcaption, caption { color: var(--quiet); font-size: 0.86rem; line-height: 1.45; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 0.8rem;
  margin: 1.4rem 0; padding: 0; }
.tiles div { background: var(--panel); border-radius: 0.4rem; padding: 0.8rem 1rem; }
.tiles dt { font-size: 0.85rem; color: var(--quiet); }
.tiles dd { margin: 0; font-size: 1.75rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tiles dd small { display: block; font-size: 0.82rem; color: var(--quiet); }
.facts { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: 0.25rem 1.2rem;
  margin: 0.8rem 0; font-size: 0.92rem; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0.8rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; padding: 0 0 0.5rem; caption-side: top; }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 2.4rem); }
th, td { padding: 0.36rem 0.7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 600; color: var(--quiet); border-bottom: 1.5px solid var(--ghost); vertical-align: bottom; }
tbody th { font-weight: 500; white-space: normal; }
tr.all > * { font-weight: 650; }
tr.reference > * { color: var(--quiet); font-style: italic; }
td.wrap { white-space: normal; text-align: left; overflow-wrap: anywhere; min-width: 12rem; }
.ci { color: var(--quiet); font-size: 0.92em; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.2rem 2rem; }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 0.6rem 1.6rem; }
figure { margin: 1rem 0; break-inside: avoid; min-width: 0; }
figure.wide { max-width: 28rem; }
figcaption { margin-top: 0.4rem; overflow-wrap: anywhere; }
figcaption b { color: var(--ink); font-weight: 600; }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
svg text.label { fill: var(--ink); }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--ghost); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.image, .bar.image { stroke: var(--image); }
.line.study, .bar.study { stroke: var(--study); }
.line.image { stroke-dasharray: 6 3; }
.line.ghost { stroke: var(--ghost); stroke-width: 1.2; stroke-dasharray: 2 3; }
.dot.image { fill: var(--image); } .dot.study { fill: var(--study); }
.dot { stroke: var(--page); stroke-width: 1.5; }
.bar { stroke-width: 1; }
.bar.image { fill: var(--image); fill-opacity: 0.28; }
.bar.study { fill: var(--study); fill-opacity: 0.5; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; color: var(--ink); }
.entry { display: inline-flex; align-items: center; gap: 0.4rem; }
svg.key { width: 28px; height: 12px; flex: none; }
.matrix { max-width: 26rem; }
.matrix.wide { max-width: none; }
.matrix th { white-space: normal; }
.matrix td { font-size: 1.05rem; }
.matrix td small { color: var(--quiet); display: block; font-size: 0.8rem; }
.right { color: var(--good); } .wrong { color: var(--bad); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 1rem 1.4rem; }
.views { display: grid; grid-template-columns: 1fr 1fr; gap: 0.3rem; background: #000; padding: 0.3rem;
  border-radius: 0.3rem; }
.views img { display: block; width: 100%; height: 11rem; object-fit: contain; }
.paths { font-size: 0.86rem; padding-left: 1.2rem; overflow-wrap: anywhere; }
footer { margin-top: 3rem; padding-top: 0.8rem; border-top: 1px solid var(--rule); color: var(--quiet); font-size: 0.85rem; }
a { color: var(--image); }
@media (max-width: 34rem) { .facts { grid-template-columns: 1fr; gap: 0 0; } .facts dd { margin-bottom: 0.5rem; }
  th, td { padding: 0.32rem 0.5rem; }
  /* A row of many columns becomes a block: its name, then each figure under its column's name. */
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards, .cards tbody, .cards caption { display: block; }
  .cards tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.3rem 0.6rem; padding: 0.6rem 0;
    border-bottom: 1px solid var(--rule); }
  .cards th, .cards td { border: 0; padding: 0; text-align: left; white-space: normal; }
  .cards th { grid-column: 1 / -1; font-weight: 650; }
  .cards td::before { content: attr(data-column); display: block; color: var(--quiet); font-size: 0.78rem;
    font-weight: 400; font-style: normal; } }
@media print { :root { color-scheme: light; --page: #fff; --ink: #000; --quiet: #444; --rule: #ccc; --panel: #f4f4f4;
    --image: #1b67a8; --study: #b04a06; --ghost: #777; --good: #1f7a4d; --bad: #b3261e; }
  body { max-width: none; padding: 0; font-size: 10pt; } h2 { break-after: avoid; }
  .scroll { overflow: visible; } table { font-size: 7.5pt; } th, td { padding: 0.2rem 0.35rem; }
  .tiles div, .views { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
)css";

}  // namespace osteon::report

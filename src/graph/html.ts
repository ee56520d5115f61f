import { createHash } from "node:crypto";
import { escapeXml, jsonForScript } from "./escape.ts";
import type { Layout } from "./layout.ts";
import type { Graph } from "./model.ts";
import { PAGE_SCRIPT } from "./page-script.ts";
import { inlineSvg, STYLES } from "./svg.ts";

const PAGE_STYLES = `
html, body { margin: 0; height: 100%; }
body { display: flex; flex-direction: column; background: var(--page); color: var(--ink); font: 14px system-ui, sans-serif; }
header { display: flex; gap: 12px; align-items: center; padding: 8px 16px; border-bottom: 1px solid var(--line); flex-wrap: wrap; }
h1 { font-size: 16px; margin: 0; }
header .space { flex: 1; }
#count, .made { color: var(--soft); }
input, button { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; }
input { width: 260px; }
main { flex: 1; min-height: 0; display: flex; }
#graph { flex: 1; min-width: 0; height: 100%; display: block; cursor: grab; }
.node { cursor: pointer; outline: none; }
.dimmed { opacity: .15; }
.node.frame.dimmed { opacity: .4; }
.hit rect, .chosen rect, .node:focus-visible rect { stroke: var(--ink); stroke-width: 2.5; }
#details { width: 320px; overflow: auto; box-sizing: border-box; padding: 12px 16px; border-left: 1px solid var(--line); }
#details[hidden] { display: none; }
#details h2 { font-size: 15px; margin: 0; overflow-wrap: anywhere; }
#details p { margin: 2px 0 8px; color: var(--soft); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 12px; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12px; }
`;

/** One page that needs nothing from elsewhere, and lets in no script but its own: its policy names that by its digest. */
export function toHtml(graph: Graph, layout: Layout, madeAt: string): string {
  const digest = createHash("sha256").update(PAGE_SCRIPT).digest("base64");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${digest}'`;
  const host = graph.nodes.find(({ kind }) => kind === "host")?.label ?? "";
  const containers = graph.nodes.filter(({ kind }) => kind === "container").length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>CNI networks of ${escapeXml(host)}</title>
<style>${STYLES}${PAGE_STYLES}</style>
</head>
<body>
<header>
<h1>CNI networks of ${escapeXml(host)}</h1>
<span class="made">${containers} containers, ${escapeXml(madeAt)}</span>
<span class="space"></span>
<span id="count"></span>
<input id="search" type="search" placeholder="name, address, port …" aria-label="search">
<button id="fit" type="button">Fit</button>
<button id="theme" type="button">Light / dark</button>
</header>
<main>
${inlineSvg(layout)}
<aside id="details" hidden></aside>
</main>
<script type="application/json" id="data">${jsonForScript(graph)}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

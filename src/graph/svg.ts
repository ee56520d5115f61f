import { escapeXml } from "./escape.ts";
import type { Layout, PlacedEdge, PlacedNode } from "./layout.ts";

/** The colours, light and dark; `:root[data-theme]` is the page's own choice. */
export const COLOURS = `
:root { --page: #fff; --ink: #1c2330; --soft: #667085; --line: #98a2b3; --host: #e4e7ec; --interface: #fef0c7;
  --network: #eaf2ff; --network-line: #4a7fd6; --container: #d9f5e3; --container-line: #2e9e5b; --stopped: #ececee; }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { --page: #14181f; --ink: #e6e9ef; --soft: #98a2b3; --line: #667085;
  --host: #2b3340; --interface: #4a3c12; --network: #1b2740; --network-line: #5b8def; --container: #16392a; --container-line: #3fb573; --stopped: #26292f; } }
:root[data-theme=dark] { --page: #14181f; --ink: #e6e9ef; --soft: #98a2b3; --line: #667085; --host: #2b3340; --interface: #4a3c12;
  --network: #1b2740; --network-line: #5b8def; --container: #16392a; --container-line: #3fb573; --stopped: #26292f; }
`;

const SHAPES = `
svg { background: var(--page); font: 12px ui-monospace, "DejaVu Sans Mono", monospace; }
.node rect { stroke: var(--line); fill: var(--host); }
.interface rect { fill: var(--interface); }
.network rect { fill: var(--network); stroke: var(--network-line); }
.container rect { fill: var(--container); stroke: var(--container-line); }
.stopped rect { fill: var(--stopped); stroke: var(--line); stroke-dasharray: 4 3; }
.node text { fill: var(--ink); }
.node .more, .edge text { fill: var(--soft); }
.stopped text { fill: var(--soft); }
.edge polyline { fill: none; stroke: var(--line); stroke-width: 1.5; }
`;

/** The picture by itself. */
export function toSvg(layout: Layout): string {
  return `${drawing(layout, { width: String(layout.width), height: String(layout.height) }, `<style>${COLOURS}${SHAPES}</style>`)}\n`;
}

/** The picture within a page, as large as that wants it. */
export function inlineSvg(layout: Layout): string {
  return drawing(
    layout,
    { id: "graph", role: "img", "aria-label": "the networks of this host" },
    "",
  );
}

export const STYLES = COLOURS + SHAPES;

function drawing(
  { width, height, nodes, edges }: Layout,
  attributes: Readonly<Record<string, string>>,
  head: string,
): string {
  const named = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeXml(value)}"`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}"${named.join("")}>`,
    ...(head === "" ? [] : [head]),
    ...edges.map(drawEdge),
    ...nodes.map(drawNode),
    "</svg>",
  ].join("\n");
}

function drawNode({ node, x, y, width, height, texts, isFrame }: PlacedNode): string {
  const classes = [
    "node",
    node.kind,
    ...(node.isStopped ? ["stopped"] : []),
    ...(isFrame ? ["frame"] : []),
  ];
  const lines = texts.map((text, place) => {
    const more = place === 0 ? "" : ' class="more"';
    return `<text x="${round(x + 10)}" y="${round(y + 18 + place * 16)}"${more}>${escapeXml(text)}</text>`;
  });
  const box = `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="6"/>`;
  const title = `<title>${escapeXml(node.label)}</title>`;
  return `<g class="${classes.join(" ")}" data-id="${escapeXml(node.id)}" tabindex="0">${title}${box}${lines.join("")}</g>`;
}

function drawEdge({ label, points }: PlacedEdge): string {
  const line = points.map(({ x, y }) => `${round(x)},${round(y)}`).join(" ");
  const end = points.at(-1);
  const word =
    end === undefined || label === ""
      ? ""
      : `<text x="${round(end.x - 4)}" y="${round(end.y - 5)}" text-anchor="end">${escapeXml(label)}</text>`;
  return `<g class="edge"><polyline points="${line}"/>${word}</g>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

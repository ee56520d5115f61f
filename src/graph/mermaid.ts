import { plainText } from "./escape.ts";
import type { Graph, GraphNode, NodeKind } from "./model.ts";

const BRACKETS: Record<NodeKind, readonly [open: string, close: string]> = {
  host: ["[[", "]]"],
  interface: ["[/", "/]"],
  network: ["([", "])"],
  container: ["[", "]"],
};

/** The graph as a flowchart of Mermaid, which Markdown pages show. Nodes are numbered: their names are others' words. */
export function toMermaid({ nodes, edges }: Graph): string {
  const numbers = new Map(nodes.map(({ id }, place) => [id, `n${place}`]));
  return [
    "flowchart LR",
    ...nodes.map((node) => `    ${numbers.get(node.id)}${box(node)}`),
    ...edges.map(({ from, to, label }) => {
      const word = label === "" ? "" : `|"${escaped(label)}"|`;
      return `    ${numbers.get(from)} ---${word} ${numbers.get(to)}`;
    }),
    "    classDef stopped fill:#ddd,stroke:#999,color:#777",
    "",
  ].join("\n");
}

function box({ kind, label, lines, isStopped }: GraphNode): string {
  const [open, close] = BRACKETS[kind];
  const text = [label, ...lines].map((line) => escaped(line)).join("<br>");
  return `${open}"${text}"${close}${isStopped ? ":::stopped" : ""}`;
}

/** Mermaid's own entities: `#` and a number. Everything but letters, digits and a few signs may mean something to it. */
function escaped(text: string): string {
  return plainText(text).replaceAll(
    /[^\p{L}\p{N} .:/_\-,\uFFFD]/gu,
    (character) => `#${character.codePointAt(0)};`,
  );
}

import { plainText } from "./escape.ts";
import type { Graph, GraphNode, NodeKind } from "./model.ts";

const SHAPES: Record<NodeKind, string> = {
  host: "house",
  interface: "cds",
  network: "ellipse",
  container: "box",
};

/** The graph in Graphviz' language. */
export function toDot({ nodes, edges }: Graph): string {
  return [
    "digraph cni {",
    "  rankdir=LR;",
    '  node [fontname="sans-serif"];',
    ...nodes.map((node) => `  ${quoted(node.id)} [${attributes(node)}];`),
    ...edges.map(
      ({ from, to, label }) =>
        `  ${quoted(from)} -> ${quoted(to)} [dir=none${label === "" ? "" : `, label=${quoted(label)}`}];`,
    ),
    "}",
    "",
  ].join("\n");
}

function attributes({ kind, label, lines, isStopped }: GraphNode): string {
  const text = [label, ...lines].map((line) => escaped(line)).join("\\n");
  const grey = isStopped ? ", color=grey, fontcolor=grey" : "";
  return `shape=${SHAPES[kind]}, label="${text}"${grey}`;
}

function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

function escaped(text: string): string {
  return plainText(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

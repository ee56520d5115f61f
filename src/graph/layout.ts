import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import { shortened } from "./escape.ts";
import type { Graph, GraphNode } from "./model.ts";

/** A node with its place; that of a network with containers is a frame around them. */
export interface PlacedNode {
  node: GraphNode;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Its texts, as they fit. */
  texts: string[];
  isFrame: boolean;
}

export interface PlacedEdge {
  label: string;
  /** `x,y` from one end to the other. */
  points: { x: number; y: number }[];
}

export interface Layout {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

const LONGEST = 34;
/** Of a letter of the page's font at 12 px, and the space around. */
const LETTER = 7.3;
const LINE = 16;
const PADDING = 10;

/**
 * Lays the graph out from left to right by ELK (eclipse.dev/elk): host, its interfaces, networks. The containers that are on one
 * network alone are packed into its frame, so that hundreds of them stay a page; those on several stand behind, with an edge to each.
 */
export async function layOut(graph: Graph): Promise<Layout> {
  const homes = homesOf(graph);
  const inside = (id: string): GraphNode[] =>
    graph.nodes.filter((node) => homes.get(node.id) === id);
  const root: ElkNode = {
    id: "root",
    layoutOptions: ROOT,
    children: graph.nodes
      .filter(({ id }) => !homes.has(id))
      .map((node) => elkNode(node, inside(node.id))),
    edges: graph.edges
      .filter(({ to }) => !homes.has(to))
      .map(({ from, to }, place) => ({ id: `e${place}`, sources: [from], targets: [to] })),
  };
  // More than a megabyte: only for who draws.
  const { default: elk } = await import("elkjs/lib/elk.bundled.js");
  const placed: ElkNode = await new elk.default().layout(root);
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  return {
    width: (placed.width ?? 0) + 2,
    height: (placed.height ?? 0) + 2,
    nodes: placedNodes(placed, byId, 0, 0),
    edges: (placed.edges ?? []).map((edge) => placedEdge(edge, graph)),
  };
}

const ROOT = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.spacing.nodeNode": "24",
  "elk.layered.spacing.nodeNodeBetweenLayers": "60",
  "elk.padding": "[top=16,left=16,bottom=16,right=16]",
};

const LEAF = { "elk.alignment": "LEFT" };

const FRAME = {
  ...LEAF,
  "elk.algorithm": "rectpacking",
  "elk.aspectRatio": "1.5",
  "elk.spacing.nodeNode": "10",
};

/** The network of each container that is on one alone. */
function homesOf({ nodes, edges }: Graph): Map<string, string> {
  const homes = new Map<string, string>();
  const networks = new Map<string, string[]>();
  for (const { from, to } of edges) networks.set(to, [...(networks.get(to) ?? []), from]);
  for (const { id, kind } of nodes) {
    const [home, ...others] = new Set(kind === "container" ? networks.get(id) : []);
    if (home !== undefined && others.length === 0) homes.set(id, home);
  }
  return homes;
}

function elkNode(node: GraphNode, children: readonly GraphNode[]): ElkNode {
  const texts = textsOf(node);
  const width = Math.max(60, ...texts.map((text) => text.length * LETTER + 2 * PADDING));
  const height = texts.length * LINE + PADDING;
  if (children.length === 0) return { id: node.id, width, height, layoutOptions: LEAF };
  const top = texts.length * LINE + 2 * PADDING;
  return {
    id: node.id,
    layoutOptions: {
      ...FRAME,
      "elk.padding": `[top=${top},left=${PADDING},bottom=${PADDING},right=${PADDING}]`,
      "elk.nodeSize.constraints": "MINIMUM_SIZE",
      "elk.nodeSize.minimum": `(${width},${height})`,
    },
    children: children.map((child) => elkNode(child, [])),
  };
}

function textsOf({ label, lines }: GraphNode): string[] {
  return [label, ...lines].map((line) => shortened(line, LONGEST));
}

function placedNodes(
  { children = [] }: ElkNode,
  byId: ReadonlyMap<string, GraphNode>,
  left: number,
  top: number,
): PlacedNode[] {
  return children.flatMap((child) => {
    const node = byId.get(child.id);
    if (node === undefined) return [];
    const [x, y] = [left + (child.x ?? 0), top + (child.y ?? 0)];
    const { width = 0, height = 0 } = child;
    const isFrame = (child.children ?? []).length > 0;
    const own = { node, x, y, width, height, texts: textsOf(node), isFrame };
    return [own].concat(placedNodes(child, byId, x, y));
  });
}

function placedEdge(
  { id, sources, targets, sections = [] }: ElkExtendedEdge,
  graph: Graph,
): PlacedEdge {
  const [section] = sections;
  const of = graph.edges.find(({ from, to }) => from === sources[0] && to === targets[0]);
  const points =
    section === undefined
      ? []
      : [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
  return { label: of?.label ?? id, points: points.map(({ x, y }) => ({ x, y })) };
}

import { describe, expect, test } from "vitest";
import { toDot } from "../../src/graph/dot.ts";
import { escapeXml, jsonForScript, shortened } from "../../src/graph/escape.ts";
import { toHtml } from "../../src/graph/html.ts";
import { layOut } from "../../src/graph/layout.ts";
import { toMermaid } from "../../src/graph/mermaid.ts";
import { graphOf } from "../../src/graph/model.ts";
import { toSvg } from "../../src/graph/svg.ts";
import { graphWith, HOSTILE } from "./facts.ts";

describe("the graph", () => {
  test("has the host, its interfaces, networks and containers, each with its links", () => {
    const { nodes, edges } = graphWith(3);
    expect(nodes.map(({ kind, label }) => `${kind} ${label}`)).toEqual([
      "host host-1",
      "interface br0",
      "interface br1",
      "interface eth0",
      "network lan",
      "network backend",
      "network office",
      "container web-0",
      "container web-1",
      "container web-2",
    ]);
    const named = new Map(nodes.map(({ id, label }) => [id, label]));
    expect(
      edges.map(({ from, to, label }) => `${named.get(from)} ${named.get(to)} ${label}`.trim()),
    ).toEqual([
      "host-1 br0",
      "host-1 br1",
      "host-1 eth0",
      "br0 lan bridge",
      "br1 backend bridge",
      "eth0 office macvlan",
      "lan web-0 eth0",
      "backend web-1 eth0",
      "lan web-2 eth0",
      "backend web-2 eth1",
    ]);
    expect(nodes.find(({ label }) => label === "web-0")).toMatchObject({
      isStopped: false,
      lines: ["eth0 10.9.0.2/16", "8000->80/tcp"],
    });
    expect(nodes.find(({ kind }) => kind === "host")?.details).toContainEqual([
      "Published",
      "8000->80/tcp of web-0",
    ]);
  });

  test("has a network of which there is no file any more", () => {
    const attachments = [
      { network: "old", ifName: "eth0", addresses: [], mac: undefined, ports: [] },
    ];
    const container = { id: "c1", name: undefined, state: "kept", createdAt: "", attachments };
    const { nodes, edges } = graphOf({ name: "h", addresses: [] }, [], [container]);
    expect(nodes.map(({ label, isStopped }) => [label, isStopped])).toEqual([
      ["h", false],
      ["old", false],
      ["c1", true],
    ]);
    expect(edges).toHaveLength(2);
  });
});

describe("laid out", () => {
  test.each([3, 30, 300])(
    "%i containers do not cover each other, and are in their frames",
    async (count) => {
      const { nodes, width, height } = await layOut(graphWith(count));
      expect(nodes).toHaveLength(count + 7);
      const boxes = nodes.filter(({ isFrame }) => !isFrame);
      const covering = boxes.filter((a, place) =>
        boxes
          .slice(place + 1)
          .some(
            (b) =>
              a.x < b.x + b.width &&
              b.x < a.x + a.width &&
              a.y < b.y + b.height &&
              b.y < a.y + a.height,
          ),
      );
      expect(covering).toEqual([]);
      expect(Math.max(...nodes.map((each) => each.x + each.width))).toBeLessThanOrEqual(width);
      expect(Math.max(...nodes.map((each) => each.y + each.height))).toBeLessThanOrEqual(height);
      // A column of hundreds would be no page.
      expect(height / width).toBeLessThan(2);
    },
  );
});

describe("names made to break out stay texts", () => {
  const graph = graphWith(3, () => HOSTILE);

  test("in SVG and HTML", async () => {
    const layout = await layOut(graph);
    for (const text of [toSvg(layout), toHtml(graph, layout, "now")]) {
      expect(text).not.toContain("<img");
      expect(text).not.toContain("</script><b");
      expect(text).not.toMatch(/\p{Bidi_Control}|[^\P{Cc}\n]/u);
      expect(text.match(/<script/g)?.length ?? 0).toBe(text.startsWith("<svg") ? 0 : 2);
    }
  });

  test("in DOT, whose strings end with a quotation mark", () => {
    const strings = toDot(graph).replaceAll(/"(?:[^"\\]|\\.)*"/gs, "S");
    expect(strings).not.toMatch(/["<\\]/);
    expect(strings.split("\n")).toHaveLength(graph.nodes.length + graph.edges.length + 5);
  });

  test("in Mermaid, to which many signs mean something", () => {
    const lines = toMermaid(graph).split("\n");
    expect(lines).toHaveLength(graph.nodes.length + graph.edges.length + 3);
    for (const line of lines.slice(1, graph.nodes.length + 1)) {
      expect(line).toMatch(/^ {4}n\d+[[(/]+"[^"`[\](){}|]*"[\])/]+(:::stopped)?$/);
    }
  });
});

test.each([
  ["<b> & \"q\" 'a'", "&#60;b&#62; &#38; &#34;q&#34; &#39;a&#39;"],
  ["a\u0000b\nc\u202E", "a\uFFFDb\uFFFDc\uFFFD"],
])("%j is %s in XML", (text, escaped) => {
  expect(escapeXml(text)).toBe(escaped);
});

test("JSON in a page neither ends its element nor begins a comment", () => {
  const json = jsonForScript({ a: "</script><!--" });
  expect(json).toBe(String.raw`{"a":"\u003c/script\u003e\u003c!--"}`);
  expect(JSON.parse(json)).toEqual({ a: "</script><!--" });
});

test("what is too long ends with an ellipsis, and no character is cut in two", () => {
  expect(shortened("abcdef", 4)).toBe("abc…");
  expect(shortened("😀😀😀", 2)).toBe("😀…");
});

test("stopped containers are grey in every format that has colours", async () => {
  const graph = graphWith(5);
  const stopped = graph.nodes.filter(({ isStopped }) => isStopped);
  expect(stopped.map(({ label }) => label)).toEqual(["web-4"]);
  expect(toSvg(await layOut(graph)).match(/<g class="node container stopped"/g)).toHaveLength(1);
  expect(toDot(graph).match(/fontcolor=grey/g)).toHaveLength(1);
  expect(toMermaid(graph).match(/:::stopped/g)).toHaveLength(1);
});

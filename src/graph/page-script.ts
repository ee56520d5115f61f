/**
 * What the page does by itself: search (also by `#search=` in its address), details on a click, zoom by the wheel, moving by the mouse, light and dark. Texts reach the
 * page by textContent alone.
 */
export const PAGE_SCRIPT = `"use strict";
const graph = JSON.parse(document.getElementById("data").textContent);
const byId = new Map(graph.nodes.map((node) => [node.id, node]));
const svg = document.getElementById("graph");
const details = document.getElementById("details");
const groups = [...svg.querySelectorAll(".node")];
const whole = svg.viewBox.baseVal;
const start = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };

function text(tag, words) {
  const element = document.createElement(tag);
  element.textContent = words;
  return element;
}

function show(group) {
  for (const other of groups) other.classList.toggle("chosen", other === group);
  details.hidden = group === undefined;
  const node = group && byId.get(group.dataset.id);
  if (!node) return;
  const list = document.createElement("dl");
  for (const [key, value] of node.details) list.append(text("dt", key), text("dd", value));
  details.replaceChildren(text("h2", node.label), text("p", node.kind + (node.isStopped ? ", stopped" : "")), list);
}

for (const group of groups) {
  group.addEventListener("click", (event) => { event.stopPropagation(); show(group); });
  group.addEventListener("keydown", (event) => { if (event.key === "Enter") show(group); });
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") show(undefined); });

const count = document.getElementById("count");
const search = document.getElementById("search");
function find() {
  const wanted = search.value.trim().toLowerCase();
  const hits = [];
  for (const group of groups) {
    const node = byId.get(group.dataset.id);
    const words = [node.label, node.kind, ...node.lines, ...node.details.flat()].join(" ").toLowerCase();
    const hit = wanted === "" || words.includes(wanted);
    group.classList.toggle("dimmed", !hit);
    group.classList.toggle("hit", hit && wanted !== "");
    if (hit) hits.push(group);
  }
  count.textContent = wanted === "" ? "" : hits.length + " of " + groups.length;
  if (wanted !== "") show(hits.length === 1 ? hits[0] : undefined);
}
search.addEventListener("input", find);
// A link to what is meant: page.html#search=web
const linked = new URLSearchParams(location.hash.slice(1)).get("search");
if (linked !== null) { search.value = linked; find(); }

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
});
document.getElementById("fit").addEventListener("click", () => {
  Object.assign(whole, start);
});

svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  const factor = event.deltaY > 0 ? 1.15 : 1 / 1.15;
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  whole.x = point.x - (point.x - whole.x) * factor;
  whole.y = point.y - (point.y - whole.y) * factor;
  whole.width *= factor;
  whole.height *= factor;
}, { passive: false });
let from;
svg.addEventListener("pointerdown", (event) => { from = event; });
addEventListener("pointerup", () => { from = undefined; });
addEventListener("pointermove", (event) => {
  if (!from) return;
  const scale = svg.getScreenCTM().a;
  whole.x -= (event.clientX - from.clientX) / scale;
  whole.y -= (event.clientY - from.clientY) / scale;
  from = event;
});
`;

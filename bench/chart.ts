import type { Samples } from "./run.ts";
import { summarize } from "./stats.ts";

const ROW = 22;
const GAP = 26;
const LEFT = 120;
const WIDTH = 720;
const SCALE_WIDTH = 500;

const TITLES: Record<string, string> = {
  start: "docker start, new container",
  restart: "docker start, kept container",
  stop: "docker stop",
  life: "docker run --rm",
};

const COLOURS: Record<string, string> = { bare: "#9aa0a6", bridge: "#e8a33d", cni: "#2f6fde" };

/** The medians as bars, the quartiles as lines across their ends: an SVG drawing for light and dark pages. */
export function chart(samples: Record<string, Samples>): string {
  const shown = Object.entries(TITLES).flatMap(([measure, title]) => {
    const variants = Object.entries(samples[measure] ?? {})
      .filter(([variant]) => variant !== "node" && variant !== "crowded")
      .map(([variant, values]) => Object.assign(summarize(values), { variant }));
    return variants.length === 0 ? [] : [{ title, variants }];
  });
  const longest = Math.max(1, ...shown.flatMap(({ variants }) => variants.map(({ high }) => high)));
  const x = (ms: number): number => Math.round((ms / longest) * SCALE_WIDTH);
  const parts: string[] = [];
  let y = 10;
  for (const { title, variants } of shown) {
    y += GAP;
    parts.push(`<text x="10" y="${y - 8}" font-weight="bold">${title}, ms</text>`);
    for (const { variant, median, low, high } of variants) {
      const middle = y + ROW / 2 - 2;
      parts.push(
        `<text x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${variant}</text>`,
        `<rect x="${LEFT}" y="${y}" width="${x(median)}" height="${ROW - 6}" fill="${COLOURS[variant] ?? "#7b8794"}"/>`,
        `<path d="M${LEFT + x(low)} ${middle}H${LEFT + x(high)}" stroke="#808080" stroke-width="2"/>`,
        `<text x="${LEFT + x(Math.max(median, high)) + 8}" y="${middle + 4}">${median.toFixed(1)}</text>`,
      );
      y += ROW;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 10}" font-family="sans-serif" font-size="13" fill="#808080">
${parts.join("\n")}
</svg>
`;
}

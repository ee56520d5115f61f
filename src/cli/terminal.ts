import { randomUUID } from "node:crypto";

/** The colours of the output. */
export type Style = "red" | "green" | "yellow" | "dim" | "bold";

const CODES: Record<Style, number> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

/** Encloses what `style` has to say to `render`. Nobody else's text can have it. */
const KEY = `\u0000${randomUUID()}`;
const MARKED = new RegExp(`${KEY}(\\w*)\u0001`, "g");

/** A tabulator that `render` leaves one, as in the lines of a diff. */
export const TAB = `${KEY}tab\u0001`;

/** The part of a stream that says whether a person looks at it. */
export interface Terminal {
  isTTY?: boolean;
}

/** Whether the stream is a terminal that does as it is told (ECMA-48). */
export function isObedient(
  { isTTY }: Terminal = process.stdout,
  { TERM: kind }: NodeJS.ProcessEnv = process.env,
): boolean {
  return isTTY === true && kind !== "dumb";
}

/** Whether colours and movement are for this stream: a terminal that has them, and NO_COLOR (no-color.org) does not forbid. */
export function isFancy(
  stream: Terminal = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return isObedient(stream, env) && !env["NO_COLOR"];
}

/**
 * `text` in a colour, where stdout has colours; else `text`. It is for `call.print` and `render`, which escape all other control
 * characters; columns of `table` that hold it stay aligned.
 */
export function style(text: string, name: Style, fancy: boolean = isFancy()): string {
  return fancy ? `${KEY}${name}\u0001${text}${KEY}\u0001` : text;
}

/** A line of a diff for `render`, in the colour of what it does; its tabulators stay. */
export function colouredChange(line: string, fancy: boolean = isFancy()): string {
  const text = line.replaceAll("\t", TAB);
  if (line.startsWith("+")) return style(text, "green", fancy);
  return line.startsWith("-") ? style(text, "red", fancy) : text;
}

/**
 * `text` for a terminal: control characters and those that change the direction of writing are shown as `\u001b`, which is how JSON
 * writes them too. Names of interfaces, messages of plugins and the like are others' words. Line ends stay.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n]|\p{Bidi_Control}/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `text` for a terminal: see `printable`; what `style` asked for becomes escape sequences (ECMA-48, SGR). */
export function render(text: string): string {
  return text
    .split(MARKED)
    .map((piece, place) => (place % 2 === 0 ? printable(piece) : sequence(piece)))
    .join("");
}

/** `text` without what `style` added: what a person sees of it. */
export function unstyled(text: string): string {
  return text.replaceAll(MARKED, "");
}

function sequence(name: string): string {
  if (name === "tab") return "\t";
  const [, code = 0] = Object.entries(CODES).find(([known]) => known === name) ?? [];
  return `\u001b[${code}m`;
}

const SYMBOLS = {
  ok: ["✓", "green"],
  warning: ["!", "yellow"],
  error: ["✗", "red"],
} as const;

/** ✓, ! or ✗, in its colour where stdout has colours. */
export function symbol(outcome: keyof typeof SYMBOLS): string {
  const [sign, colour] = SYMBOLS[outcome];
  return style(sign, colour);
}

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const FRAME_MS = 80;

/** What a person sees of work that takes a while. */
export interface Spinner {
  /** Says what is done now. */
  say: (text: string) => void;
  /** Takes it off the terminal; the next line begins where it was. */
  stop: () => void;
}

/** The part of a stream that a spinner turns on. */
export interface SpinnerStream extends Terminal {
  columns?: number;
  write: (text: string) => unknown;
}

/** Shows on a terminal that something is under way, until `stop`. Elsewhere nothing: say there what is done, by `call.print`. */
export function spinner(
  text: string,
  stream: SpinnerStream = process.stderr,
  env: NodeJS.ProcessEnv = process.env,
): Spinner {
  if (!isFancy(stream, env)) return { say: () => {}, stop: () => {} };
  let said = text;
  let frame = 0;
  const draw = (): void => {
    const turn = FRAMES[frame++ % FRAMES.length] ?? "";
    const width = Math.min(stream.columns ?? 80, 80) - 3;
    stream.write(`\r\u001b[K${turn} ${printable(said.replaceAll("\n", " ")).slice(0, width)}`);
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  return {
    say: (now) => {
      said = now;
      draw();
    },
    stop: () => {
      clearInterval(timer);
      stream.write("\r\u001b[K");
    },
  };
}

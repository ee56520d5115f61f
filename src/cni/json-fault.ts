const TOKEN =
  /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)\b|[{}[\],:]/y;
const SPACE = /[ \t\r\n]*/y;

/** What may come next. */
type Wanted = "value" | "value or ]" | "key" | "key or }" | ":" | ", or end" | "end";

/**
 * Where `text`, which is not JSON, stops being JSON, in the words of an error: `line 3, column 5: "}" is not expected there`.
 * Engines tell the place each in its own way, or not at all.
 */
export function describeJsonFault(text: string): string {
  const place = faultIn(text);
  const before = text.slice(0, place).split("\n");
  const at = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
  if (place >= text.length) return `${at}: it ends there, and is not complete`;
  const rest = text.slice(place);
  const isString = endOf(TOKEN, text, place) === undefined && rest.startsWith('"');
  if (isString) return `${at}: the string does not end in its line, or holds a bad escape`;
  const found = /^(?:[\w.-]{1,20}|"[^"\n]{0,20}"|.)/u.exec(rest)?.[0] ?? "";
  return `${at}: ${found.startsWith('"') ? found : JSON.stringify(found)} is not expected there`;
}

function faultIn(text: string): number {
  const open: string[] = [];
  let wanted: Wanted = "value";
  let place = 0;
  for (;;) {
    place = endOf(SPACE, text, place) ?? place;
    const end = endOf(TOKEN, text, place);
    if (end === undefined || wanted === "end") return place;
    const next = after(text.slice(place, end), wanted, open);
    if (next === undefined) return place;
    [wanted, place] = [next, end];
  }
}

/** What may come after `token`; undefined where it may not come itself. */
function after(token: string, wanted: Wanted, open: string[]): Wanted | undefined {
  const close = open.at(-1) === "{" ? "}" : "]";
  const mayClose = wanted.endsWith(`or ${close}`) || wanted === ", or end";
  const afterValue = (): Wanted => (open.length === 0 ? "end" : ", or end");
  if (token === "}" || token === "]") {
    if (token !== close || !mayClose || open.length === 0) return undefined;
    open.pop();
    return afterValue();
  }
  if (token === ":") return wanted === ":" ? "value" : undefined;
  if (token === ",") {
    if (wanted !== ", or end") return undefined;
    return open.at(-1) === "{" ? "key" : "value";
  }
  if (wanted.startsWith("key")) return token.startsWith('"') ? ":" : undefined;
  if (!wanted.startsWith("value")) return undefined;
  if (token === "{" || token === "[") {
    open.push(token);
    return token === "{" ? "key or }" : "value or ]";
  }
  return afterValue();
}

function endOf(pattern: RegExp, text: string, place: number): number | undefined {
  pattern.lastIndex = place;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

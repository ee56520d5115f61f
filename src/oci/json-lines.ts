/**
 * The text of valid JSON with a line for each member and element, indented by two spaces. Numbers and strings stay as they are written,
 * which JSON.parse does not let them.
 */
export function indented(json: string): string {
  let text = "";
  let depth = 0;
  const line = (): string => `\n${"  ".repeat(depth)}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const isEmpty = /[{[]$/.test(text);
    if (token === "}" || token === "]") {
      depth -= 1;
      text += isEmpty ? token : `${line()}${token}`;
      continue;
    }
    if (isEmpty) text += line();
    if (token === "{" || token === "[") depth += 1;
    text += token;
    if (token === ",") text += line();
    if (token === ":") text += " ";
  }
  return `${text}\n`;
}

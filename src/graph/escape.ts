/** What XML 1.0 does not allow, and what turns the direction of writing round; line ends too, since texts are of one line. */
const FORBIDDEN = /\p{Cc}|\p{Bidi_Control}|\p{Surrogate}|[\uFFFE\uFFFF]/gu;

/** A text as one line without characters that a terminal, a page or XML could stumble over. */
export function plainText(text: string): string {
  return text.replaceAll(FORBIDDEN, "\uFFFD");
}

/** For text and for attributes in double quotes, of HTML and of SVG. */
export function escapeXml(text: string): string {
  return plainText(text).replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

/** JSON for a script element: nothing in it ends the element or begins a comment. */
export function jsonForScript(value: unknown): string {
  const json = JSON.stringify(value, (_, each: unknown) =>
    typeof each === "string" ? plainText(each) : each,
  );
  return json.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A text of at most `longest` characters. */
export function shortened(text: string, longest: number): string {
  const characters = Array.from(plainText(text));
  return characters.length > longest
    ? `${characters.slice(0, longest - 1).join("")}…`
    : characters.join("");
}

/** Text of the documentation as man(7) has it: headings, paragraphs, lists, code, links. */

/** A page in Markdown, from its second heading on as sections. */
export function troffOf(markdown: string): string {
  return blocksOf(markdown)
    .map((block) => block.trimEnd())
    .filter((block) => block !== "")
    .map(troffOfBlock)
    .join("\n");
}

/** Words as they stand: a backslash, a hyphen that is copied, a dot at the beginning of a line. */
export function word(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^([.'])/gm, "\\&$1")
    .replaceAll(/[^\0-\x7f]/gu, (letter) => `\\[u${hexadecimal(letter)}]`);
}

/** A letter's number as groff names it: at least four digits. */
function hexadecimal(letter: string): string {
  return (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

/** Paragraphs, and pieces of code as a whole. */
function blocksOf(markdown: string): string[] {
  const pieces = markdown.split(/^(```[^\n]*\n[\s\S]*?^```)$/m);
  return pieces.flatMap((piece, place) => (place % 2 === 1 ? [piece] : piece.split(/\n{2,}/)));
}

function troffOfBlock(block: string): string {
  const text = block.replace(/^\n+/, "");
  if (text.startsWith("```")) return verbatim(text.split("\n").slice(1, -1).join("\n"));
  if (text.startsWith("|")) return verbatim(text.replaceAll(/[`\\]/g, ""));
  const [, marks, title = ""] = /^(#+) (.*)$/.exec(text) ?? [];
  if (marks !== undefined) {
    return `${marks.length > 2 ? ".SS" : ".SH"} "${word(plain(title)).replaceAll('"', "")}"`;
  }
  if (/^ *- /.test(text)) return listOf(text);
  return `.PP\n${inline(text)}`;
}

function verbatim(text: string): string {
  return `.PP\n.RS 4\n.nf\n${word(text)}\n.fi\n.RE`;
}

function listOf(text: string): string {
  return text
    .split(/\n(?= *- )/)
    .map((item) => {
      const [, indent = ""] = /^( *)- /.exec(item) ?? [];
      const lines = inline(item.replace(/^ *- /, ""));
      return indent === "" ? `.IP \\(bu 2\n${lines}` : `.RS 2\n.IP \\(bu 2\n${lines}\n.RE`;
    })
    .join("\n");
}

/** Bold for code, and the words of a link without where it leads. */
function inline(text: string): string {
  return withoutLinks(text)
    .replaceAll(/\n */g, "\n")
    .split(/(`[^`]*`)/)
    .map((piece, place) =>
      place % 2 === 1 ? `\\fB${word(piece.slice(1, -1))}\\fR` : word(plain(piece)),
    )
    .join("");
}

function plain(text: string): string {
  return withoutLinks(text).replaceAll(/[`*]/g, "");
}

function withoutLinks(text: string): string {
  return text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
}

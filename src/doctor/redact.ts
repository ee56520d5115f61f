/** Names of members whose values are nobody's but the operator's. */
const SECRET_NAME =
  /(key|keys|token|secret|passw(or)?d|passphrase|pwd|tsig|credential|credentials|auth|psk|cert|private|cookie|bearer)$|^(pass|tsig|auth)|password|secret|token/i;
/** A user and a password in a URL. */
const IN_URL = /([a-z][\w+.-]*:\/\/)[^/\s:@"']*:[^/\s@"']*@/gi;
/** `password=…`, `--token …`, `Authorization: …` in text. */
const IN_TEXT =
  /((?:api[-_]?key|token|secret|passw(?:or)?d|passphrase|tsig[-_\w]*|authorization|bearer|psk)["']?\s*(?:[=:]\s*|\s+))(?:(?:bearer|basic)\s+)?("[^"]*"|'[^']*'|[^\s,;"'}\]]+)/gi;

const REMOVED = "(removed)";

/** Text with its secrets taken out: of JSON by the names of members, of anything else by what stands beside them. */
export function redactText(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null)
      return `${JSON.stringify(redact(value), null, 2)}\n`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return text.split("\n").map(redactLine).join("\n");
}

/** A log's line is JSON by itself. */
function redactLine(line: string): string {
  if (line.startsWith("{")) {
    try {
      const value: unknown = JSON.parse(line);
      return JSON.stringify(redact(value));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return redactWords(line);
}

/** A value of JSON, whatever is below a secret's name replaced. */
function redact(value: unknown, name = ""): unknown {
  if (SECRET_NAME.test(name) && value !== null && value !== undefined && !isHarmless(value))
    return REMOVED;
  if (Array.isArray(value)) {
    const [first, second] = value;
    // As CNI_ARGS are kept: a name and its value.
    const isPair = value.length === 2 && typeof first === "string" && typeof second === "string";
    return isPair ? [first, redact(second, first)] : value.map((each) => redact(each, ""));
  }
  if (typeof value === "object" && value !== null) {
    const isEnvironment = name === "environment" || name === "env";
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        // What an engine was started with is nobody else's.
        isEnvironment && key !== "PATH" ? REMOVED : redact(each, key),
      ]),
    );
  }
  return typeof value === "string" ? redactString(value) : value;
}

/** JSON in a string, such as a record's network list, is read as JSON. */
function redactString(text: string): string {
  if (/^\s*[{[]/.test(text)) {
    try {
      return JSON.stringify(redact(JSON.parse(text)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return fromBase64(text) ?? redactWords(text);
}

/** libcni's cache has the network's file in base64. */
function fromBase64(text: string): string | undefined {
  if (!/^[\w+/]{8,}={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, "base64").toString();
  return /^\s*[{[]/.test(decoded) ? redactText(decoded) : undefined;
}

function redactWords(text: string): string {
  return text.replaceAll(IN_URL, `$1${REMOVED}@`).replaceAll(IN_TEXT, `$1${REMOVED}`);
}

function isHarmless(value: unknown): boolean {
  return typeof value === "boolean" || value === "";
}

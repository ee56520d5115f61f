import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/cni.md"), "utf8");

/** A folder outside of the project, with the package as `npm pack` makes it below its `node_modules`. */
export interface PackedLibrary {
  dir: string;
  /** Writes the first program below this heading of docs/cni.md into the folder; returns its path. */
  program: (heading: string) => string;
  /** Runs a command in the folder and returns what it prints to stdout. */
  run: (command: string, args: readonly string[], env?: NodeJS.ProcessEnv) => string;
  remove: () => void;
}

/** The JSON configuration below this heading of docs/cni.md. */
export function configBelow(heading: string): string {
  return blockBelow(heading, "json");
}

/** Every heading of docs/cni.md with a program below it. */
export function programHeadings(): string[] {
  return sections().flatMap(([heading = "", text = ""]) =>
    text.includes("```ts\n") ? [heading] : [],
  );
}

/** Packs the project with its own prepack script, offline, and unpacks the tarball as npm would install it. */
export function packLibrary(): PackedLibrary {
  const dir = mkdtempSync(join(tmpdir(), "cni-packed-"));
  const run = (command: string, args: readonly string[], env = process.env): string =>
    execFileSync(command, args, { cwd: dir, env, encoding: "utf8" });
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    const tarball = pack(join(dir, "project"));
    const installed = join(dir, "node_modules/docker-cni");
    mkdirSync(installed, { recursive: true });
    run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
    symlinkSync(join(root, "node_modules/@types"), join(dir, "node_modules/@types"));
  } catch (error) {
    remove();
    throw error;
  }
  const program = (heading: string): string => {
    const path = join(dir, `${heading.toLowerCase().replaceAll(" ", "-")}.mts`);
    writeFileSync(path, blockBelow(heading, "ts"));
    return path;
  };
  return { dir, program, run, remove };
}

/** Packs a copy: the checkout's own `dist` is left alone, and its program is not packed. Returns the tarball. */
function pack(copy: string): string {
  const { files }: { files: string[] } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const shipped = files.filter((file) => !file.startsWith("dist/"));
  for (const file of ["package.json", "tsconfig.json", "packaging", "src/cni", ...shipped]) {
    cpSync(join(root, file), join(copy, file), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  execFileSync("npm", ["pack", "--offline", "--silent", "--pack-destination", copy], {
    cwd: copy,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return readdirSync(copy)
    .filter((name) => name.endsWith(".tgz"))
    .map((name) => join(copy, name))
    .join();
}

function blockBelow(heading: string, language: string): string {
  const text = sections().find(([name]) => name === heading)?.[1] ?? "";
  const block = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(text)?.[1];
  if (block === undefined) throw new Error(`docs/cni.md has no ${language} below "${heading}"`);
  return block;
}

function sections(): string[][] {
  return [...page.matchAll(/^##+ (.*)\n([^]*?)(?=^##|(?![^]))/gm)].map(([, ...parts]) => parts);
}

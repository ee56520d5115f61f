/** The program and its JavaScript engine in one file, so that a host needs no runtime for JavaScript. docs/speed.md tells why it is Bun's. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");

const ARCHITECTURES = ["x64", "arm64"];

/**
 * No file of the folder in which a container happens to be started may change what the program does. Its code is in the
 * file as bytecode, and ends before a just-in-time compiler has paid for itself.
 */
const FLAGS = [
  "--compile",
  "--bytecode",
  "--minify",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--compile-jit-policy=1000",
];

/**
 * Makes the executable `target` for machines of `arch` (`x64`, `arm64`). For another machine than this one Bun fetches its
 * engine from the registry of npm packages.
 */
export function buildExecutable(target: string, arch: string = process.arch): void {
  if (!ARCHITECTURES.includes(arch)) {
    throw new Error(`docker-cni is built for ${ARCHITECTURES.join(" and ")}, not for ${arch}`);
  }
  // Beside its place first: an older one may be running.
  const temporary = `${target}.${process.pid}`;
  const built = `${temporary}.built`;
  mkdirSync(dirname(target), { recursive: true });
  const main = join(root, "src/main.ts");
  try {
    execFileSync(
      join(root, "node_modules/.bin/bun"),
      ["build", ...FLAGS, `--target=bun-linux-${arch}`, `--outfile=${built}`, main],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    // Written in one go as by an installation, the file is in the page cache in larger pieces: it starts sooner.
    copyFileSync(built, temporary);
    chmodSync(temporary, 0o755);
    renameSync(temporary, target);
  } catch (error) {
    // An older one would be taken for what was just built.
    for (const file of [temporary, target]) rmSync(file, { force: true });
    throw error;
  } finally {
    rmSync(built, { force: true });
  }
}

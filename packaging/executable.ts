/**
 * Makes dist/docker-cni from dist/docker-cni.cjs: Node and a V8 start-up snapshot of the program in one file, so that a host needs no
 * Node and a start evaluates no module. docs/speed.md tells what each of the choices here saves.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findElfNote } from "./elf.ts";
import { formatSeaBlob, parseSeaBlob } from "./sea-blob.ts";

const root = join(import.meta.dirname, "..");
const bundle = join(root, "dist/docker-cni.cjs");
const target = join(root, "dist/docker-cni");
const cache = join(root, "node_modules/.cache/docker-cni");

/**
 * Flags of the program's Node. A snapshot is only valid with the V8 flags that it was made with.
 * no-rehash-snapshot: every start would compute a new hash seed and hash all strings and tables of the snapshot again.
 * v8-pool-size, no-opt, no-maglev, no-sparkplug: the program ends before a compiler or a thread of its own has paid for itself.
 */
const NODE_FLAGS = [
  "--no-rehash-snapshot",
  "--v8-pool-size=0",
  "--no-opt",
  "--no-maglev",
  "--no-sparkplug",
];

const environment = withoutNodeVariables(process.env);

build();

function build(): void {
  const scratch = mkdtempSync(join(tmpdir(), "docker-cni-build-"));
  try {
    const template = templateFor(process.version, scratch);
    const snapshot = snapshotOf(bundle, scratch);
    const file = readFileSync(template);
    const place = findElfNote(file, "NODE_SEA_BLOB");
    if (place === undefined) throw new Error(`${template} has no NODE_SEA_BLOB`);
    const blob = parseSeaBlob(file.subarray(place.offset, place.offset + place.size));
    // The rest is the arguments for Node and zeros; the snapshot is smaller than the template's.
    const rest = blob.rest.subarray(0, 4096);
    replace(template, place.offset, formatSeaBlob({ ...blob, code: snapshot, rest }, place.size));
  } catch (error) {
    // The launcher would prefer an older executable to the new bundle.
    rmSync(target, { force: true });
    throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A single executable of this Node with another snapshot in it; made once, since putting it together takes seconds. */
function templateFor(version: string, scratch: string): string {
  const flags = NODE_FLAGS.join("").replaceAll("-", "");
  const template = join(cache, `sea-${version}-${process.arch}-${flags}`);
  if (existsSync(template)) return template;
  mkdirSync(cache, { recursive: true });
  const main = join(scratch, "empty.cjs");
  const output = join(scratch, "template");
  const config = join(scratch, "sea.json");
  writeFileSync(main, "require('node:v8').startupSnapshot.setDeserializeMainFunction(() => {});\n");
  writeFileSync(
    config,
    JSON.stringify({
      main,
      output,
      executable: strippedNode(scratch),
      useSnapshot: true,
      disableExperimentalSEAWarning: true,
      execArgv: NODE_FLAGS,
      execArgvExtension: "none",
    }),
  );
  run(process.execPath, [...NODE_FLAGS, "--build-sea", config]);
  const temporary = `${template}.${process.pid}`;
  copyFileSync(output, temporary);
  renameSync(temporary, template);
  return template;
}

/** Node without its symbols, a fifth of the file; with them where there is no strip(1). */
function strippedNode(scratch: string): string {
  const output = join(scratch, "node");
  try {
    run("strip", ["-o", output, process.execPath]);
    return output;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return process.execPath;
    }
    throw error;
  }
}

/**
 * The state of a Node process that has loaded the bundle. Without code cache: that of Node's own modules, of which those
 * that the program uses are in the snapshot already, would have to be copied at every start.
 */
function snapshotOf(builder: string, scratch: string): Buffer {
  const blob = join(scratch, "snapshot");
  const config = join(scratch, "snapshot.json");
  writeFileSync(config, JSON.stringify({ builder, withoutCodeCache: true }));
  run(process.execPath, [
    ...NODE_FLAGS,
    "--no-warnings",
    "--snapshot-blob",
    blob,
    "--build-snapshot-config",
    config,
  ]);
  return readFileSync(blob);
}

/** Writes the executable beside its place and moves it there: an older one may be running. */
function replace(template: string, offset: number, blob: Buffer): void {
  const temporary = `${target}.${process.pid}`;
  copyFileSync(template, temporary, constants.COPYFILE_FICLONE);
  const fd = openSync(temporary, "r+");
  writeSync(fd, blob, 0, blob.length, offset);
  closeSync(fd);
  chmodSync(temporary, 0o755);
  renameSync(temporary, target);
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"], env: environment });
}

/** What a NODE_OPTIONS of the developer's says must not end up in the snapshot. */
function withoutNodeVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("NODE_")));
}

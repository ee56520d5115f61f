import { rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import type { RuntimeEntry } from "./daemon-json.ts";
import { describeRemoval, type ExtrasOptions, missingFiles, takeBack } from "./made.ts";
import { isEmpty, readNote, sha256, writeNote } from "./note.ts";
import type { Setup, SetupOutcome } from "./setup.ts";
import { Steps } from "./steps.ts";
import { findFile } from "./text-file.ts";

export interface PodmanRequest extends Pick<ExtrasOptions, "resources" | "cniYaml" | "cniConfDir"> {
  name: string;
  runtime: RuntimeEntry;
  makeDefault: boolean;
  dryRun: boolean;
}

/** Registers docker-cni with podman, by a file of its own beside podman's (containers.conf(5)). Throws INSTALL_FAILED. */
export async function installPodman(setup: Setup, request: PodmanRequest): Promise<SetupOutcome> {
  const { paths } = setup;
  const { name, runtime, dryRun } = request;
  if (runtime.runtimeArgs !== undefined) {
    throw new UserError(
      "INSTALL_FAILED",
      "podman gives a runtime no arguments of its own; nothing was changed",
      {
        hint: "leave --config, --runtime-path and --state-dir out, and write oci_bin and state_dir into cni.yaml",
      },
    );
  }
  const file = findFile(dropInOf(paths.podmanDropInDir, name));
  const bytes = Buffer.from(dropIn(request));
  const note = readNote(paths.note);
  const present = file.bytes && sha256(file.bytes);
  const isEdited = present !== sha256(bytes);
  const noted = note.podman.find(({ path }) => path === file.path);
  if (present !== undefined && isEdited && present !== noted?.sha256) {
    throw new UserError("INSTALL_FAILED", `${file.path} is there already; nothing was changed`, {
      hint: "choose another --name, or remove it",
    });
  }
  const files = missingFiles(request);
  const outcome: SetupOutcome = {
    file: file.path,
    changes: files.map((each) => ({ path: each.path, before: undefined, after: each.bytes })),
    done: [],
    reloaded: false,
    warnings: [],
  };
  if (isEdited) outcome.changes.push({ path: file.path, before: file.bytes, after: bytes });
  if (dryRun) return outcome;
  const steps = new Steps(setup, note);
  try {
    for (const each of files) await steps.make(each);
    if (isEdited) steps.editPodman(file, bytes, name);
    return outcome;
  } catch (error) {
    await steps.undo(undefined);
    throw error;
  }
}

/** What is asked of the removal of podman's registration; without a name it is that of each. */
interface PodmanRemoval {
  name: string | undefined;
  dryRun: boolean;
  force: boolean;
}

/** Takes back what `installPodman` did; undefined when that was nothing. Throws IN_USE while containers of the runtime exist. */
export async function uninstallPodman(
  setup: Setup,
  { name, dryRun, force }: PodmanRemoval,
): Promise<SetupOutcome | undefined> {
  const { paths, host } = setup;
  const note = readNote(paths.note);
  const going = note.podman.filter((each) => name === undefined || each.name === name);
  if (going.length === 0) return undefined;
  if (!force) for (const each of going) await assertUnused(setup, each.name);
  const outcome: SetupOutcome = {
    file: going.length === 1 && going[0] ? going[0].path : paths.podmanDropInDir,
    changes: [],
    done: [],
    reloaded: false,
    warnings: [],
  };
  for (const { path, sha256: written } of going) {
    const { bytes } = findFile(path);
    if (bytes === undefined) continue;
    if (sha256(bytes) === written) outcome.changes.push({ path, before: bytes, after: undefined });
    else outcome.warnings.push(`${path} stays: it was changed since`);
  }
  const rest = { ...note, podman: note.podman.filter((each) => !going.includes(each)) };
  if (dryRun) {
    if (isEmpty(rest)) outcome.done = rest.made.map(describeRemoval);
    return outcome;
  }
  for (const { path } of outcome.changes) rmSync(path);
  if (!isEmpty(rest)) writeNote(paths.note, rest);
  else {
    const taken = await takeBack(rest.made, host);
    outcome.done = taken.done;
    outcome.warnings.push(...taken.warnings);
    writeNote(paths.note, { ...rest, made: [] });
  }
  return outcome;
}

async function assertUnused({ host }: Setup, name: string): Promise<void> {
  const format = "{{.OCIRuntime}} {{.Name}}";
  const ids = await host.run("podman", ["ps", "--all", "--quiet", "--no-trunc"]);
  const all = ids?.stdout.split("\n").filter((id) => /^[0-9a-f]{64}$/.test(id)) ?? [];
  if (all.length === 0) return;
  const inspected = await host.run("podman", ["inspect", "--format", format, ...all]);
  const using = (inspected?.stdout ?? "").split("\n").filter((line) => line.startsWith(`${name} `));
  if (using.length === 0) return;
  throw new UserError(
    "IN_USE",
    `${using.length} containers of podman have the runtime ${name}; nothing was changed`,
    { hint: "remove them, or use --force: none of them can be started afterwards" },
  );
}

/** The file's content: the runtime's path, as TOML. */
function dropIn({ name, runtime, makeDefault }: PodmanRequest): string {
  return [
    "# Written by docker-cni install; docker-cni uninstall removes it.",
    ...(makeDefault ? ["[engine]", `runtime = ${JSON.stringify(name)}`, ""] : []),
    "[engine.runtimes]",
    `${JSON.stringify(name)} = [${JSON.stringify(runtime.path)}]`,
    "",
  ].join("\n");
}

function dropInOf(folder: string, name: string): string {
  return join(folder, `50-docker-cni-${name}.conf`);
}

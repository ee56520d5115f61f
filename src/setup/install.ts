import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../lib/errors.ts";
import type { Firewall } from "../networks/options.ts";
import { type DaemonJson, readDaemonJson, type RuntimeEntry, withRuntime } from "./daemon-json.ts";
import {
  type Asked,
  assertSupported,
  type Daemon,
  engineInfo,
  findDaemon,
  hasRuntime,
  validate,
  waitForInfo,
} from "./daemon.ts";
import { type Creation, makeFolders, missingExtras, takeBack } from "./made.ts";
import { type InstallNote, type Made, type NotedRegistration, readNote, sha256 } from "./note.ts";
import type { Setup, SetupOutcome } from "./setup.ts";
import { Steps } from "./steps.ts";
import { findFile, type FoundFile, replaceFile } from "./text-file.ts";

/** What is asked of an installation. */
export interface InstallRequest {
  /** The runtime's name, which `docker run --runtime` says. */
  name: string;
  runtime: RuntimeEntry;
  makeDefault: boolean;
  /** Docker's daemon.json. */
  daemonJson: string;
  /** See `missingExtras`. */
  resources: string;
  cniYaml: string;
  cniConfDir: string;
  stateDir: string;
  firewall?: Firewall;
  /** Only tells what would change. */
  dryRun: boolean;
  /** Whether dockerd is made to read its file, and asked afterwards. */
  reload: boolean;
}

/**
 * Registers docker-cni with Docker, and makes what it needs where nothing is. All is taken back when dockerd does not have the runtime
 * afterwards. Throws BAD_DAEMON_JSON and INSTALL_FAILED.
 */
export async function install(setup: Setup, request: InstallRequest): Promise<SetupOutcome> {
  const { paths, host } = setup;
  const file = findFile(request.daemonJson);
  const before = file.bytes ?? new Uint8Array();
  const json = readDaemonJson(before, file.path);
  const note = readNote(paths.note);
  assertOurs(request, json.runtimes[request.name], note, file);
  const after = withRuntime(before, file.path, request);
  const info = request.reload ? await engineInfo(host, json.socket) : undefined;
  assertSupported(paths, file, info);
  const isEdited = file.bytes === undefined || sha256(after) !== sha256(before);
  const wanted = { runtime: request.runtime, makeDefault: request.makeDefault };
  const isKnown = info !== undefined && hasRuntime(info, request.name, wanted);
  const mustReload = info !== undefined && (isEdited || !isKnown);
  const daemon = mustReload ? await findDaemon({ paths, host, file, json }) : undefined;
  const creations = missingExtras({
    ...request,
    paths,
    launcher: request.runtime.path,
    runtimeArgs: request.runtime.runtimeArgs ?? [],
    dataRoot: info?.DockerRootDir,
  });
  const outcome: SetupOutcome = {
    file: file.path,
    changes: [
      ...creations.flatMap((creation) =>
        creation.kind === "file"
          ? [{ path: creation.path, before: undefined, after: creation.bytes }]
          : [],
      ),
      ...(isEdited ? [{ path: file.path, before: file.bytes, after }] : []),
    ],
    done: request.dryRun ? creations.flatMap(describeCreation) : [],
    reloaded: false,
    warnings: warningsOf(request, json.hasComments, info !== undefined),
  };
  if (request.dryRun) return outcome;
  if (isEdited) await validateBeside(setup, file, after);
  const steps = new Steps(setup, note);
  try {
    for (const creation of creations) {
      const failures = await steps.make(creation);
      outcome.warnings.push(...failures);
      if (failures.length === 0) outcome.done.push(...describeCreation(creation));
    }
    if (isEdited) steps.edit(file, after, entryOf(request, json));
    if (daemon !== undefined) {
      await reloadAndAsk({ host, socket: json.socket }, daemon, request);
      outcome.reloaded = true;
    }
    return outcome;
  } catch (error) {
    await steps.undo(daemon);
    throw error;
  }
}

function entryOf(
  { name, runtime, makeDefault }: InstallRequest,
  json: DaemonJson,
): NotedRegistration {
  return {
    name,
    runtime,
    wasThere: json.runtimes[name] !== undefined,
    madeRuntimes: Object.keys(json.runtimes).length === 0,
    ...(makeDefault &&
      json.defaultRuntime !== name && { previousDefault: json.defaultRuntime ?? null }),
  };
}

/** A runtime of this name that is another's stays. */
function assertOurs(
  { name, runtime }: InstallRequest,
  present: unknown,
  note: InstallNote,
  file: FoundFile,
): void {
  if (present === undefined || JSON.stringify(present) === JSON.stringify(runtime)) return;
  const noted = note.files
    .find(({ real }) => real === file.real)
    ?.registrations.find((each) => each.name === name);
  if (noted !== undefined && JSON.stringify(noted.runtime) === JSON.stringify(present)) return;
  throw new UserError(
    "INSTALL_FAILED",
    `${file.path} has a runtime ${JSON.stringify(name)} already: ${JSON.stringify(present)}; nothing was changed`,
    { hint: "choose another --name, or remove that one" },
  );
}

function describeCreation(creation: Creation): string[] {
  if (creation.kind === "link") return [`link ${creation.path} to ${creation.target}`];
  return creation.kind === "units" ? [`enable ${creation.names.join(", ")}`] : [];
}

function warningsOf(
  { dryRun, reload, daemonJson }: InstallRequest,
  hasComments: boolean,
  runs: boolean,
): string[] {
  const warnings: string[] = [];
  if (hasComments) warnings.push(`${daemonJson} has comments, which Docker itself refuses to read`);
  if (dryRun) return warnings;
  if (!reload) warnings.push("Docker was not told to read it: systemctl reload docker");
  else if (!runs) warnings.push("Docker does not run; it reads the file when it starts");
  return warnings;
}

async function validateBeside({ host }: Setup, file: FoundFile, after: Uint8Array): Promise<void> {
  const made: Made[] = [];
  const candidate = `${file.real}.docker-cni-candidate`;
  try {
    makeFolders(dirname(file.real), (folder) => made.push(folder));
    replaceFile({ ...file, real: candidate, mode: 0o600 }, after);
    await validate(host, candidate, file.path);
  } finally {
    rmSync(candidate, { force: true });
    await takeBack(made, host);
  }
}

async function reloadAndAsk(
  asked: Asked,
  daemon: Daemon,
  { name, runtime, makeDefault, daemonJson }: InstallRequest,
): Promise<void> {
  await daemon.reload();
  if (await waitForInfo(asked, (info) => hasRuntime(info, name, { runtime, makeDefault }))) return;
  throw new UserError(
    "INSTALL_FAILED",
    `dockerd does not have the runtime ${JSON.stringify(name)} after it was told to read ${daemonJson}; all was taken back`,
    { hint: "see what dockerd says of its file: journalctl -u docker" },
  );
}

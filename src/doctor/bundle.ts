import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { execa } from "execa";
import { errnoOf, UserError } from "../lib/errors.ts";
import { redactText } from "./redact.ts";
import type { Subject } from "./subject.ts";

/** How much of the end of a file is packed. */
const MAX_CHARACTERS = 2_000_000;

/** What commands tell of the host, by the name of the file in the bundle. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  "host/uname.txt": ["uname", "-a"],
  "host/os-release.txt": ["cat", "/etc/os-release"],
  "host/links.txt": ["ip", "-details", "link", "show"],
  "host/addresses.txt": ["ip", "address", "show"],
  "host/routes.txt": ["ip", "route", "show", "table", "all"],
  "host/neighbours.txt": ["ip", "neighbour", "show"],
  "host/netns.txt": ["ip", "netns", "list"],
  "host/iptables.txt": ["iptables-save"],
  "host/ip6tables.txt": ["ip6tables-save"],
  "host/nftables.txt": ["nft", "list", "ruleset"],
  "host/mounts.txt": ["cat", "/proc/self/mountinfo"],
};

/**
 * Packs what a bug report needs into `file`, a .tar.gz that only its owner can read: the report, versions, configurations, records,
 * the log's end and the host's network, secrets taken out by `redactText`. Throws STATE_FAILED where it cannot be written.
 */
export async function writeBundle(
  subject: Subject,
  file: string,
  reports: Readonly<Record<string, string>>,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "docker-cni-bundle-"));
  const name = basename(file).replace(/\.t(ar\.)?gz$/, "") || "docker-cni";
  try {
    const texts = { ...reports, ...(await collectCommands(subject)), ...collectFiles(subject) };
    for (const [path, text] of Object.entries(texts)) {
      const target = join(scratch, name, path);
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      writeFileSync(target, redactText(lastLines(text)), { mode: 0o600 });
    }
    await pack(scratch, name, resolve(file));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The end of a text that is too long, from the beginning of a line: what is cut in the middle cannot be redacted. */
function lastLines(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  const end = text.slice(-MAX_CHARACTERS);
  return end.slice(end.indexOf("\n") + 1);
}

async function pack(scratch: string, name: string, file: string): Promise<void> {
  const temporary = `${file}.${process.pid}.new`;
  try {
    // Made before anything is written, so that nobody else can ever read it.
    closeSync(openSync(temporary, "wx", 0o600));
    const { exitCode, stderr } = await execa("tar", ["-C", scratch, "-cz", "--", name], {
      reject: false,
      stdin: "ignore",
      stdout: { file: temporary },
    });
    if (exitCode !== 0) throw cannotWrite(file, stderr);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw errnoOf(error) === undefined ? error : cannotWrite(file, errnoOf(error), error);
  }
}

function cannotWrite(file: string, reason: string | undefined, cause?: unknown): UserError {
  return new UserError("STATE_FAILED", `cannot write ${file}: ${reason}`, {
    hint: "name a file in a folder that is there and has space, with: --bundle FILE",
    cause,
  });
}

async function collectCommands({ host }: Subject): Promise<Record<string, string>> {
  const results = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, argv]) => {
      const { code, stdout, stderr } = await host.run(argv);
      return code === undefined ? [] : [[name, stdout + stderr] as const];
    }),
  );
  const engine = await Promise.all(
    ["version", "info"].map(async (what) => {
      const answer = await host.engine(`/${what}`);
      const text = answer.ok ? JSON.stringify(answer.body) : answer.error;
      return [`engine/${what}.json`, text] as const;
    }),
  );
  return Object.fromEntries([...results.flat(), ...engine]);
}

function collectFiles({
  host,
  config,
  configFile,
  daemonConfigs,
}: Subject): Record<string, string> {
  const texts: Record<string, string> = {};
  const add = (name: string, path: string): void => {
    const text = host.stat(path)?.kind === "file" ? host.read(path) : undefined;
    if (text !== undefined) texts[name] = text;
  };
  add("configuration/cni.yaml", configFile);
  const daemons = daemonConfigs().filter((file) => host.stat(file)?.kind === "file");
  for (const [place, file] of daemons.entries()) {
    add(`configuration/daemon${place === 0 ? "" : `-${place}`}.json`, file);
  }
  for (const name of host.list(config.cniConfDir)) {
    add(`configuration/net.d/${name}`, join(config.cniConfDir, name));
  }
  add("log/docker-cni.log", config.logFile);
  for (const id of host.list(join(config.stateDir, "sandboxes"))) {
    for (const name of ["record.json", "retry", "stopped", "trace.json"]) {
      add(`state/${id}/${name}`, join(config.stateDir, "sandboxes", id, name));
    }
  }
  for (const name of host.list(join(config.stateDir, "cni/results"))) {
    add(`state/results/${name}`, join(config.stateDir, "cni/results", name));
  }
  return texts;
}

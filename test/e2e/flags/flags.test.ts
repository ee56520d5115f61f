import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerArgv, dockerEnv } from "../harness/cli.ts";
import { dockerCniRuntime } from "../harness/config.ts";
import { dockerTest } from "../harness/fixture.ts";
import type { DockerHost } from "../harness/host.ts";
import type { Place } from "../harness/place.ts";
import { run } from "../harness/shell.ts";
import { flagRows, type Row } from "./rows.ts";

type Runtime = "cni" | "bare";

/** A low-level runtime that keeps the config.json of every `create`, and is runc. */
function recorder(place: Place, runtime: Runtime): string {
  const folder = join(place.dir, "recorded", runtime);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "runc");
  const script = `#!/bin/sh
bundle= create= id=
for word; do
    case $last in --bundle) bundle=$word ;; esac
    [ "$word" = create ] && create=1
    last=$word id=$word
done
[ "$create" ] && cp "$bundle/config.json" ${folder}/"$id".json
exec runc "$@"
`;
  writeFileSync(file, script, { mode: 0o755 });
  return file;
}

const test = dockerTest({
  iptables: true,
  runtimes: (place) => ({
    bare: { path: recorder(place, "bare") },
    cni: dockerCniRuntime(place, recorder(place, "cni")),
  }),
});

/** What became of a `docker run`: how it ended, what it said, and the config.json that runc was given. */
interface Outcome {
  exitCode: number;
  stderr: string;
  spec: unknown;
}

async function runWith(
  host: DockerHost,
  runtime: Runtime,
  flag: string,
  words: string[],
): Promise<Outcome> {
  const { place } = host;
  const cidfile = join(place.dir, `recorded/${runtime}-${flag}`);
  const fixed = ["--detach", "--cidfile", cidfile, "--runtime", runtime];
  const network = flag === "network" ? [] : ["--network", "none"];
  const own = words.map((word) => word.replace("NAME", runtime));
  const argv = [...dockerArgv(place), "run", ...fixed, ...network, ...own, "busybox", "true"];
  const { exitCode, stderr } = await run(argv, { env: dockerEnv(place) });
  const id = existsSync(cidfile) ? readFileSync(cidfile, "utf8") : "no id";
  const recorded = join(place.dir, "recorded", runtime, `${id}.json`);
  const said = stderr.replaceAll(id, "ID");
  return {
    exitCode,
    stderr: said,
    spec: existsSync(recorded) ? withoutOurs(readFileSync(recorded, "utf8"), id, runtime) : "none",
  };
}

interface Spec {
  hooks?: { poststop?: { path: string }[] };
  linux?: { namespaces?: { type: string; path?: string }[] };
}

/** A config.json without what every container has of its own, and without the two things that are docker-cni's. */
function withoutOurs(text: string, id: string, runtime: Runtime): unknown {
  const common = text
    .replaceAll(id, "ID")
    .replaceAll(id.slice(0, 12), "SHORT")
    .replaceAll(/[0-9a-f]{64}(-init)?/g, "HEX")
    .replaceAll(/overlay2\/l\/[A-Z0-9]+/g, "LAYER");
  const spec: Spec = JSON.parse(common);
  const namespaces = spec.linux?.namespaces ?? [];
  // They have no order.
  namespaces.sort((one, other) => (one.type < other.type ? -1 : 1));
  if (runtime === "cni") {
    const own = namespaces.find(({ type }) => type === "network");
    if (own?.path === "/run/netns/SHORT") delete own.path;
    const others = spec.hooks?.poststop?.filter(({ path }) => !path.endsWith("/hooks/poststop"));
    if (spec.hooks && others?.length === 0) delete spec.hooks.poststop;
  }
  if (spec.hooks && Object.keys(spec.hooks).length === 0) delete spec.hooks;
  return spec;
}

/** What a CNI network has nothing for, where Docker lets it through with --network none: it is refused by its name. */
const REFUSED = new Set(["link", "link-local-ip"]);

/** The flags that this version of docker has, by its own word. */
async function flagsOfDocker(place: Place): Promise<string[]> {
  const { stdout } = await run([...dockerArgv(place), "run", "--help"], { env: dockerEnv(place) });
  return [...stdout.matchAll(/^\s+(?:-\w, {1,2})?--([\w-]+)/gm)].map(([, flag = ""]) => flag);
}

/** Both outcomes of every flag that reaches the daemon, a few at a time. */
async function tryAll(
  host: DockerHost,
  rows: Record<string, Row>,
): Promise<Map<string, Outcome[]>> {
  const left = Object.entries(rows);
  const outcomes = new Map<string, Outcome[]>();
  const worker = async (): Promise<void> => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      const [flag, words] = row;
      if (!Array.isArray(words)) continue;
      const both = (["bare", "cni"] as const).map((each) => runWith(host, each, flag, words));
      outcomes.set(flag, await Promise.all(both));
    }
  };
  await Promise.all(Array.from({ length: 5 }, worker));
  return outcomes;
}

describe("a flag of docker run, alone, has with docker-cni the result, the error and the config.json of bare runc", () => {
  test("whichever it is", async ({ host }) => {
    const rows = flagRows(host.place);
    const flags = await flagsOfDocker(host.place);
    expect(flags.length).toBeGreaterThan(90);
    expect(flags.filter((flag) => !Object.hasOwn(rows, flag))).toEqual([]);
    const known = Object.fromEntries(Object.entries(rows).filter(([flag]) => flags.includes(flag)));
    const outcomes = await tryAll(host, known);
    for (const [flag, [bare, ours]] of outcomes) {
      if (bare?.exitCode === 0 && REFUSED.has(flag)) {
        expect.soft(ours?.exitCode, `--${flag}`).toBe(125);
        expect.soft(ours?.stderr).toContain(`docker-cni: --${flag} `);
      } else expect.soft(ours, `--${flag}`).toEqual(bare);
    }
    // Most of them do start a container.
    const started = [...outcomes.values()].filter(([bare]) => bare?.spec !== "none");
    expect(started.length).toBeGreaterThan(55);
  }, 240_000);
});

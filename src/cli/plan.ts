import { Command } from "commander";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { dockerSpec } from "../engine/docker-spec.ts";
import { findEngineContainer, runningContainersDirs } from "../engine/find-container.ts";
import { UserError } from "../lib/errors.ts";
import { type Bundle, readBundle } from "../oci/bundle.ts";
import { indented } from "../oci/json-lines.ts";
import { previewCreate } from "../runtime/preview.ts";
import { viewSandboxes } from "../sandbox/view.ts";
import { unifiedDiff } from "../setup/diff.ts";
import type { OperatorCall } from "./cli.ts";
import { pickIfThere } from "./find.ts";
import { plannedCalls } from "./plan-calls.ts";
import { describePlan, type Planned } from "./plan-text.ts";
import { plannedValues } from "./plan-values.ts";

/** `plan`: what `create` would do with a container or a bundle. Touches nothing. */
export function planCommand(call: OperatorCall): Command {
  return new Command("plan")
    .argument("<container|bundle>", "a container, or a folder with a config.json")
    .option("--id <id>", "the container's id, for a bundle; the folder's name unless told")
    .option("--json", "print an object")
    .action(async (word: string, { id, json }: { id?: string; json?: boolean }) => {
      const planned = await plan(call, await findSubject(call, word, id));
      call.print(
        json === true ? JSON.stringify(planned, null, 2) : describePlan(planned).join("\n"),
      );
    });
}

interface Subject {
  id: string;
  bundle: Bundle;
  /** Whose word it is: config.json's, or that of the engine's folder. */
  from: string;
}

async function plan(call: OperatorCall, { id, bundle, from }: Subject): Promise<Planned> {
  const { config, sandbox, options, env } = call;
  const install = {
    launcher: resolve(options.launcher),
    hooksDir: resolve(options.hooks),
    configFile: options.configGiven ? resolve(options.config) : "",
  };
  const preview = await previewCreate({ ...sandbox, config, install, env }, { id, bundle });
  const { plan: start, leaveAlone, notes, docker } = preview;
  return {
    id,
    name: start?.record.name ?? docker?.name ?? null,
    from,
    kind: start?.kind ?? "unchanged",
    reason: leaveAlone ?? start?.reason ?? "",
    netns: start === undefined ? null : `/run/netns/${start.record.netns}`,
    notes,
    values: plannedValues(preview, bundle.spec, config),
    config: preview.config === undefined ? "" : patch(bundle.original, preview.config),
    calls: start === undefined ? [] : plannedCalls(sandbox, start, config.cniBinDirs),
  };
}

/** What changes in config.json, as a unified diff of its lines, without the two names, which are the same. */
function patch(before: string, after: string): string {
  const [from, to] = [before, after].map((text) => Buffer.from(indented(text)));
  return unifiedDiff({ path: "config.json", before: from, after: to }).slice(2).join("\n");
}

async function findSubject(
  { sandbox }: OperatorCall,
  word: string,
  id: string | undefined,
): Promise<Subject> {
  if (word.includes("/") || existsSync(join(word, "config.json"))) {
    const bundle = readBundle(word);
    return { id: id ?? basename(bundle.dir), bundle, from: join(bundle.dir, "config.json") };
  }
  if (id !== undefined) {
    throw new UserError("BAD_ARGS", "--id is for a bundle; a container has its own", {
      hint: "name the bundle's folder with a slash: ./bundle",
    });
  }
  const views = await viewSandboxes(sandbox);
  const view = pickIfThere(views, word);
  const folders = views.flatMap(({ record: { containerDir } }) =>
    containerDir === undefined ? [] : dirname(containerDir),
  );
  const directory =
    view?.record.containerDir ??
    findEngineContainer([...new Set([...folders, ...runningContainersDirs()])], word)?.directory;
  if (directory === undefined) {
    throw new UserError("NO_SUCH_CONTAINER", `no container ${JSON.stringify(word)} is known`, {
      hint: "name one that Docker has, or the folder of a bundle: docker-cni plan ./bundle",
    });
  }
  const original = dockerSpec(directory);
  const own = basename(directory);
  // The engine makes the bundle when it starts the container; its folder has this form.
  const bundle = { dir: `/run/io.containerd.runtime.v2.task/moby/${own}`, original };
  return { id: own, bundle: { ...bundle, spec: JSON.parse(original) }, from: directory };
}

import { basename } from "node:path";
import { CniError } from "../cni/index.ts";
import { broken, byHand, command, fine, type Finding, quoted, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether there is a network at all. */
export async function anyNetwork({ networks, config }: Subject): Promise<Finding> {
  const lists = await networks();
  const title = "networks";
  if (lists.length > 0) return fine(title, lists.map(({ name }) => name).join(", "));
  const detail = `no network in ${config.cniConfDir}`;
  return broken(title, detail, command("docker-cni", "install"));
}

/** Whether each file of networks can be used. */
export async function networkFiles(subject: Subject): Promise<Finding[]> {
  const files = await subject.networkFiles();
  return files.flatMap(({ file, reason }) =>
    reason === undefined
      ? []
      : broken(`network file ${basename(file)}`, reason, byHand(`sensible-editor ${quoted(file)}`)),
  );
}

/** Whether two files are for one name. */
export async function networkNames(subject: Subject): Promise<Finding[]> {
  const firsts = new Map<string, string>();
  const findings: Finding[] = [];
  for (const { file, list } of await subject.networkFiles()) {
    if (list === undefined) continue;
    const first = firsts.get(list.name);
    if (first === undefined) firsts.set(list.name, file);
    else {
      const detail = `${basename(file)} is for it too, and never counts beside ${basename(first)}`;
      findings.push(
        warning(`network ${list.name}`, detail, command("mv", file, `${file}.disabled`)),
      );
    }
  }
  return findings;
}

/** STATUS, which networks of CNI 1.1 have. */
export async function networkStatus({ networks, cni }: Subject): Promise<Finding[]> {
  const lists = await networks();
  const found = await Promise.all(
    lists.map(async (list): Promise<Finding[]> => {
      const title = `network ${list.name}`;
      try {
        await cni.statusNetworkList(list);
        return [fine(title, `CNI ${list.cniVersion}, ${types(list.plugins)}`)];
      } catch (error) {
        if (!(error instanceof CniError)) throw error;
        // A plugin that is missing is told of by itself.
        if (MISSING.has(error.kind)) return [];
        const detail = `it says that it cannot serve: ${error.msg}. What it needs is the plugin's own to tell; then look again`;
        return [broken(title, detail, command("docker-cni", "doctor"))];
      }
    }),
  );
  return found.flat();
}

const MISSING: ReadonlySet<string> = new Set(["not-found", "not-executable"]);

function types(plugins: readonly { type: string }[]): string {
  return plugins.map(({ type }) => type).join(", ");
}

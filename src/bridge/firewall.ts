import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { errnoOf, ifReadable } from "../lib/errors.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import type { Given } from "./addresses.ts";
import type { BridgeConf } from "./conf.ts";
import { failed } from "./host.ts";
import {
  addElements,
  type Element,
  elementsOf,
  networkScript,
  removeElements,
  TABLE,
} from "./rules.ts";

/** Which networks have their rules since this boot: a file for each, with a fingerprint of them. */
const DONE_DIR = "/run/docker-cni/bridge";

/** Puts the network's rules in place where they are not yet, and the container's ports; one call of nft, or none at all. */
export async function addRules(conf: BridgeConf, given: readonly Given[]): Promise<void> {
  const { network, ipMasq, ports } = conf;
  const elements = elementsOf(ports, given);
  if (!ipMasq && elements.length === 0) return;
  const script = networkScript(given, ipMasq);
  // Each network namespace of a host has rules of its own.
  const mark = String(fingerprint(`${script}${readlinkSync("/proc/self/ns/net")}`));
  const isDone = ifReadable(() => readFileSync(`${DONE_DIR}/${network}`, "utf8")) === mark;
  if (isDone && elements.length === 0) return;
  const own = addElements(elements);
  if (isDone && (await nft(own)) === "") return;
  // Not done, or somebody has flushed the rules.
  const refusal = await nft(script + own);
  if (refusal !== "") throw refused(network, elements, refusal);
  mkdirSync(DONE_DIR, { recursive: true, mode: 0o700 });
  writeFileSync(`${DONE_DIR}/${network}`, mark, { mode: 0o600 });
}

/** Takes the container's ports out of the maps; what is not there, or another's, is left. */
export async function removeRules({ ports }: BridgeConf, given: readonly Given[]): Promise<void> {
  const elements = elementsOf(ports, given);
  if (elements.length === 0 || (await nft(removeElements(elements))) === "") return;
  if (elements.length > 1) for (const each of elements) await nft(removeElements([each]));
}

/** Throws when the network's rules, or one of the container's ports, are not there; the next ADD puts them in place. */
export async function checkRules(conf: BridgeConf, given: readonly Given[]): Promise<void> {
  const elements = elementsOf(conf.ports, given);
  if (!conf.ipMasq && elements.length === 0) return;
  // To get an element changes nothing, and fails where there is none.
  const gets = elements.map(({ map, key }) => `get element ${TABLE} ${map} { ${key} }\n`).join("");
  const refusal = await nft(`list chain ${TABLE} postrouting\n${gets}`);
  if (refusal === "") return;
  rmSync(`${DONE_DIR}/${conf.network}`, { force: true });
  throw failed(
    `the rules of network ${conf.network} are gone from nft's table ${TABLE}: ${refusal}`,
  );
}

function refused(network: string, elements: readonly Element[], refusal: string) {
  if (!refusal.includes("File exists"))
    return failed(`nft refused the rules of ${network}: ${refusal}`);
  const ports = elements.map(({ key }) => key).join(", ");
  return failed(`one of the ports ${ports} is published by another container of docker-cni-bridge`);
}

/** Runs nft(8) with this script; gives what it wrote to stderr when it fails, else nothing. */
function nft(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("nft", ["-f", "-"], { stdio: ["pipe", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", (error) => {
      reject(errnoOf(error) === "ENOENT" ? failed("nft is not on PATH: install nftables") : error);
    });
    child.once("close", (code) =>
      resolve(code === 0 ? "" : stderr.trim().split("\n")[0] || `exit status ${code}`),
    );
    // It may end before it has read all.
    child.stdin.on("error", () => undefined).end(script);
  });
}

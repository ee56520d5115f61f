import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../lib/errors.ts";
import { fieldReader } from "../lib/fields.ts";

/**
 * The part of a config.json that a network depends on, as the engine will write it for a container that it has not started: by
 * its folder (hostconfig.json). JSON text. Whether the daemon remaps user ids is not told there.
 */
export function dockerSpec(directory: string): string {
  const hostConfig = fieldReader(
    readJson(join(directory, "hostconfig.json")),
    "hostconfig.json",
    () => {},
  );
  const added = hostConfig.strings("CapAdd").map((name) => name.replace(/^CAP_/, "").toUpperCase());
  const mayChange =
    hostConfig.boolean("Privileged") === true ||
    added.some((name) => /^(ALL|NET_ADMIN)$/.test(name));
  const mounts = ["resolv.conf", "hostname", "hosts"].map((file) => ({
    destination: `/etc/${file}`,
    type: "bind",
    source: join(directory, file),
  }));
  const spec = {
    ociVersion: "1.0.2",
    process: { capabilities: { bounding: mayChange ? ["CAP_NET_ADMIN"] : [] } },
    mounts,
    annotations: hostConfig.stringMap("Annotations"),
    linux: {
      sysctl: hostConfig.stringMap("Sysctls"),
      namespaces: [{ type: "mount" }, { type: "network" }],
    },
  };
  return JSON.stringify(spec);
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) !== undefined) return {};
    throw error;
  }
}

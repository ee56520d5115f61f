import path from "node:path";
import * as z from "zod/mini";
import { parseDuration } from "./duration.ts";

/**
 * The keys of cni.yaml. The message of each check is what was expected, to be put after "expected"; a key without a
 * value is as good as absent.
 */
export const configSchema = z.strictObject({
  // Read by the launcher too, before this program runs: a plain or quoted word behind the key.
  oci_bin: text(
    "an absolute path or the name of a command, such as /usr/bin/runc",
    (value) => isAbsolutePath(value) || /^[\w.-]+$/.test(value),
  ),
  cni_conf_dir: absolutePath("/etc/cni/net.d"),
  cni_bin_dir: text(
    "absolute paths separated by ':', such as /opt/cni/bin:/usr/lib/cni",
    (value) => {
      const dirs = splitPathList(value);
      return dirs.length > 0 && dirs.every(isAbsolutePath);
    },
  ),
  cni_ifname: text(
    "an interface name of 1 to 15 bytes without '/', ':' or spaces, such as eth0",
    isIfName,
  ),
  cni_log: absolutePath("/var/log/docker-cni.log"),
  log_driver: text(
    "a file URL with an absolute path, such as file:///var/log/docker-cni.log",
    (value) => value.startsWith("file://") && isAbsolutePath(value.slice("file://".length)),
  ),
  log_level: text("one of debug, info, warn, error", (value) =>
    logLevelNames.has(value.toLowerCase()),
  ),
  state_dir: absolutePath("/var/lib/docker-cni"),
  plugin_timeout: duration("60s", { atMostMs: 3_600_000 }),
  lock_timeout: duration("2m", { atMostMs: 3_600_000 }),
  keep: oneOf(["always", "never", "label"]),
  keep_for: duration("24h", { atMostMs: 3650 * 86_400_000, orOff: true }),
  park_after: duration("24h", { atMostMs: 3650 * 86_400_000, orOff: true }),
  reserve_for: duration("7d", { atMostMs: 3650 * 86_400_000, orOff: true }),
  attach: oneOf(["always", "labelled"]),
  image_labels: oneOf(["ignore", "allow"]),
  env_addresses: trueOrFalse(),
  workload_args: z.nullish(
    z.array(
      workloadArg(),
      "a list of id, name and label:KEY, such as [name, label:com.example.team]",
    ),
  ),
  hosts: trueOrFalse(),
  names: oneOf(["hosts", "dns", "off"]),
  fixed_ip: trueOrFalse(),
  cni_type: z.optional(z.unknown()),
  store_file: z.optional(z.unknown()),
  cni_wrapper: z.optional(z.unknown()),
});

export type RawConfig = z.infer<typeof configSchema>;

/** Keys of Go versions of docker-cni that are accepted, and why they have no effect here. */
export const idleKeys = {
  cni_type: "any CNI plugin keeps its address here",
  store_file: "the state is in state_dir",
  cni_wrapper: "plugins are called directly",
} as const satisfies Partial<Record<keyof RawConfig, string>>;

/** The keys to suggest in place of an unknown one: all but those that are only there for older files. */
export const knownKeys = Object.keys(configSchema.shape).filter(
  (key) => !(key in idleKeys) && key !== "fixed_ip" && key !== "hosts",
);

/** The level that each accepted name stands for: ours, and those of the Go versions (logrus), in lower case. */
export const logLevelNames: ReadonlyMap<string, "debug" | "info" | "warn" | "error"> = new Map([
  ["trace", "debug"],
  ["debug", "debug"],
  ["info", "info"],
  ["warn", "warn"],
  ["warning", "warn"],
  ["error", "error"],
  ["fatal", "error"],
  ["panic", "error"],
]);

/** The parts of a `:` list; empty ones are left out. */
export function splitPathList(list: string): string[] {
  return list.split(":").filter((part) => part !== "");
}

function text(expected: string, accepts: (value: string) => boolean) {
  return z.nullish(z.string(expected).check(z.refine(accepts, expected)));
}

function absolutePath(example: string) {
  return text(`an absolute path, such as ${example}`, isAbsolutePath);
}

function isAbsolutePath(value: string): boolean {
  return path.isAbsolute(value) && !/\p{Cc}/u.test(value);
}

function oneOf<const Word extends string>(words: readonly Word[]) {
  return z.nullish(z.enum(words, `one of ${words.join(", ")}`));
}

function trueOrFalse() {
  return z.nullish(z.boolean("true or false"));
}

function duration(example: string, limits: { atMostMs: number; orOff?: boolean }) {
  const most = limits.atMostMs / 3_600_000;
  const range = most > 24 ? `at most ${most / 24}d` : `at most ${most}h`;
  const expected = `a time with its unit (ms, s, m, h, d), such as ${example}, ${range}${limits.orOff ? ", or off" : ""}`;
  return text(expected, (value) => {
    if (limits.orOff && value === "off") return true;
    const ms = parseDuration(value);
    return ms !== undefined && ms <= limits.atMostMs;
  });
}

function workloadArg() {
  const expected = "id, name or label:KEY";
  return z
    .string(expected)
    .check(z.regex(/^(id|name|label:[A-Za-z0-9][A-Za-z0-9._/-]{0,127})$/, expected));
}

/** As Linux and the CNI specification (section 2, CNI_IFNAME) have it. */
function isIfName(name: string): boolean {
  return /^[^\s/:]+$/.test(name) && Buffer.byteLength(name) <= 15 && name !== "." && name !== "..";
}

import { editMember, elementsOf } from "./json-text.ts";

/**
 * The parts of an OCI runtime configuration that are read or changed here (OCI Runtime Specification, config.md and
 * config-linux.md). Everything else in the file is kept as it came.
 */
export interface Spec {
  hooks?: Partial<Record<HookPoint, Hook[]>>;
  linux?: {
    namespaces?: Namespace[];
    uidMappings?: unknown[];
    [key: string]: unknown;
  };
  mounts?: Mount[];
  root?: { path?: string };
  process?: { env?: string[]; capabilities?: { bounding?: string[] }; [key: string]: unknown };
  annotations?: Record<string, string>;
  hostname?: string;
  [key: string]: unknown;
}

export interface Namespace {
  type: string;
  path?: string;
}

export interface Mount {
  destination: string;
  source?: string;
  [key: string]: unknown;
}

/** POSIX-platform hook points, in the order of the container's life. */
export type HookPoint =
  | "prestart"
  | "createRuntime"
  | "createContainer"
  | "startContainer"
  | "poststart"
  | "poststop";

export interface Hook {
  path: string;
  /** argv, the first element included, as for execv. */
  args?: string[];
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

/** The spec's network namespace: undefined means the host's; without a path the runtime makes a new one. */
export function networkNamespace(spec: Spec): Namespace | undefined {
  return spec.linux?.namespaces?.find((namespace) => namespace.type === "network");
}

/** Whether the container has a user namespace that is not the host's. */
export function hasUserNamespace(spec: Spec): boolean {
  return (spec.linux?.namespaces ?? []).some(({ type }) => type === "user");
}

/** Whether a process of the container may ever change its network: CAP_NET_ADMIN is in the bounding set. */
export function mayChangeNetwork(spec: Spec): boolean {
  return spec.process?.capabilities?.bounding?.includes("CAP_NET_ADMIN") ?? false;
}

/**
 * `config`, the text of a config.json, with its network namespace at `path`, or without one with a namespace that the runtime
 * makes. All else stays as it is written, numbers to the digit. The same path twice changes nothing more.
 */
export function withNetns(config: string, path?: string): string {
  const namespace = { type: "network", ...(path !== undefined && { path }) };
  return editMember(config, "linux", "{}", (linux) =>
    editMember(linux, "namespaces", "[]", (namespaces) => {
      const others = elementsOf(namespaces).filter(
        (each) => asObject(each)["type"] !== namespace.type,
      );
      return `[${[...others, JSON.stringify(namespace)].join(",")}]`;
    }),
  );
}

/** `config` with `hook` at `point`, behind those of others; an earlier hook of the same path is replaced. */
export function withHook(config: string, point: HookPoint, hook: Hook): string {
  return editMember(config, "hooks", "{}", (hooks) =>
    editMember(hooks, point, "[]", (list) => {
      const others = elementsOf(list).filter((each) => asObject(each)["path"] !== hook.path);
      return `[${[...others, JSON.stringify(hook)].join(",")}]`;
    }),
  );
}

function asObject(json: string): Record<string, unknown> {
  const value: Record<string, unknown> | null = JSON.parse(json);
  return value ?? {};
}

/**
 * The hooks that run between the namespace's creation and the container's start, and so may look for a network. Docker's
 * own (`libnetwork-setkey`) only notes the namespace.
 */
export function hooksBeforeStart(spec: Spec): Hook[] {
  const points = ["prestart", "createRuntime", "createContainer"] as const;
  return points.flatMap((point) => spec.hooks?.[point] ?? []).filter((hook) => !isSetKey(hook));
}

/**
 * Whether the runtime sets something of a network interface, which has to be there by then: `net.ipv4.conf.eth0.rp_filter`, or
 * switches IPv6 off, which plugins would switch on again.
 */
export function setsInterface(spec: Spec): boolean {
  if (interfacesWithoutIpv6(spec).length > 0) return true;
  return sysctls(spec).some(([key]) => {
    const name = /^net[./]\w+[./](?:conf|neigh)[./](.+)[./]\w+$/.exec(key)?.[1];
    return name !== undefined && !["all", "default", "lo"].includes(name);
  });
}

/** The interfaces on which the spec's sysctls switch IPv6 off: `all` for every one, `default` for none that is there already. */
export function interfacesWithoutIpv6(spec: Spec): string[] {
  return sysctls(spec).flatMap(([key, value]) => {
    const name = /^net[./]ipv6[./]conf[./](.+)[./]disable_ipv6$/.exec(key)?.[1];
    const isOff = Number.parseInt(String(value), 10) !== 0;
    return name === undefined || name === "default" || !isOff ? [] : [name];
  });
}

function sysctls(spec: Spec): [string, unknown][] {
  const sysctl: unknown = spec.linux?.["sysctl"];
  return typeof sysctl === "object" && sysctl !== null ? Object.entries(sysctl) : [];
}

/** Whether dockerd takes note of the namespace by a hook; where it does not, it does so after the runtime's `create`. */
export function hasSetKeyHook(spec: Spec): boolean {
  return (spec.hooks?.prestart ?? []).some(isSetKey);
}

function isSetKey({ args }: Hook): boolean {
  return args?.[0] === "libnetwork-setkey";
}

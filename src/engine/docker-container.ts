import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { errnoOf } from "../lib/errors.ts";
import { type FieldReader, type Warn, fieldReader } from "../lib/fields.ts";

/** Where a port of the container was published, as Docker's daemon stored it. */
export interface PortBinding {
  /** `80/tcp` */
  port: string;
  /** Empty for every address of the host. */
  hostIp: string;
  /** `8080`, a range `9100-9105` of which one port is to be taken, or empty: any free port. */
  hostPort: string;
}

/** What Docker's own files tell of a container. */
export interface DockerContainer {
  directory: string;
  /** Without the leading slash. */
  name: string | undefined;
  hostname: string | undefined;
  domainname: string | undefined;
  /** `none`, `host`, `default`, `bridge`, `container:<id>` or the name of one of Docker's networks. */
  networkMode: string | undefined;
  /** `--mac-address` */
  macAddress: string | undefined;
  /** `--ip`, `--ip6` */
  ips: string[];
  /** `--network-alias` */
  aliases: string[];
  /** `--link`: `/db:/web/sql` */
  links: string[];
  linkLocalIps: string[];
  /** The names of a network's driver options. */
  driverOpts: string[];
  autoRemove: boolean;
  /** It has ended, and the daemon will start it again in a moment. */
  restarting: boolean;
  portBindings: PortBinding[];
  /** `-P` */
  publishAllPorts: boolean;
  /** `80/tcp`: the image's EXPOSE, `--expose` and the container's side of every `-p`. */
  exposedPorts: string[];
  /** The image's labels and the operator's in one map: Docker merges them. */
  labels: Record<string, string>;
  annotations: Record<string, string>;
  dns: string[];
  dnsSearch: string[];
  dnsOptions: string[];
  /** `sha256:…` of the image's config; with the containerd image store, of its manifest or index. */
  imageId: string | undefined;
  /** The digest of the image's manifest where the containerd image store is in use. */
  imageManifest: string | undefined;
  storageDriver: string | undefined;
  /** What could not be read or made sense of. */
  warnings: string[];
}

/**
 * Reads hostconfig.json and config.v2.json of a Docker container. They are Docker's internals: every field is
 * optional, and a missing or broken file is a warning.
 *
 * @param directory as given by `findContainerDir`
 */
export function readDockerContainer(directory: string): DockerContainer {
  const warnings: string[] = [];
  const warn: Warn = (warning) => {
    warnings.push(warning);
  };
  const hostConfig = readFields(join(directory, "hostconfig.json"), warn);
  const container = readFields(join(directory, "config.v2.json"), warn);
  const config = container.object("Config");
  const mode = hostConfig.string("NetworkMode") || undefined;
  const networks = container.object("NetworkSettings").object("Networks");
  return {
    directory,
    name: container.string("Name")?.replace(/^\//, "") || undefined,
    hostname: config.string("Hostname") || undefined,
    domainname: config.string("Domainname") || undefined,
    networkMode: networkOf(networks.keys(), mode),
    macAddress: macOf(networks.object("none")) ?? (config.string("MacAddress") || undefined),
    ...askedOf(networks.object("none")),
    links: hostConfig.strings("Links"),
    autoRemove: hostConfig.boolean("AutoRemove") ?? false,
    restarting: container.object("State").boolean("Restarting") ?? false,
    portBindings: readPortBindings(hostConfig.object("PortBindings"), warn),
    publishAllPorts: hostConfig.boolean("PublishAllPorts") ?? false,
    exposedPorts: config.object("ExposedPorts").keys(),
    labels: config.stringMap("Labels"),
    annotations: hostConfig.stringMap("Annotations"),
    dns: hostConfig.strings("Dns"),
    dnsSearch: hostConfig.strings("DnsSearch"),
    dnsOptions: hostConfig.strings("DnsOptions"),
    imageId: container.string("Image") || undefined,
    imageManifest: container.object("ImageManifest").string("digest") || undefined,
    storageDriver: container.string("Driver") || undefined,
    warnings,
  };
}

/**
 * The network that the container is on: `docker network connect` and `disconnect` change `networks`, the names in
 * NetworkSettings, and not `mode`, which it was made with.
 */
function networkOf(networks: readonly string[], mode: string | undefined): string | undefined {
  if (networks.length === 0 || (mode !== "none" && !networks.includes("none"))) return mode;
  return networks.find((name) => name !== "none") ?? "none";
}

/** What Docker notes of the endpoint, where it accepts that of the network `none` at all. */
function askedOf(
  network: FieldReader,
): Pick<DockerContainer, "ips" | "aliases" | "linkLocalIps" | "driverOpts"> {
  const ipam = network.object("IPAMConfig");
  return {
    ips: [ipam.string("IPv4Address"), ipam.string("IPv6Address")].flatMap((ip) => ip || []),
    aliases: network.strings("Aliases"),
    linkLocalIps: ipam.strings("LinkLocalIPs"),
    driverOpts: network.object("DriverOpts").keys(),
  };
}

/** Engines from 25 on note the MAC that was asked for with the network, and not with the container. */
function macOf(network: FieldReader): string | undefined {
  return network.string("DesiredMacAddress") || network.string("MacAddress") || undefined;
}

function readPortBindings(bindings: FieldReader, warn: Warn): PortBinding[] {
  return bindings.keys().flatMap((port) => {
    const found = bindings.raw(port) ?? [];
    const items: unknown[] = Array.isArray(found) ? found : [found];
    return items.map((item) => {
      const binding = fieldReader(item, `hostconfig.json PortBindings ${port}`, warn);
      return {
        port,
        hostIp: binding.string("HostIp") ?? "",
        hostPort: binding.string("HostPort") ?? "",
      };
    });
  });
}

function readFields(path: string, warn: Warn): FieldReader {
  const name = basename(path);
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return fieldReader(value, name, warn);
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined && !(error instanceof SyntaxError)) throw error;
    warn(code === undefined ? `${path} is not JSON` : `${path} cannot be read: ${code}`);
    return fieldReader(undefined, name, warn);
  }
}

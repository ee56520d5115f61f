import { join } from "node:path";

/** Every place on the host that an installation reads or writes. */
export interface SetupPaths {
  /** Docker's own configuration. */
  daemonJson: string;
  /** dockerd's pid file where daemon.json names none. */
  pidFile: string;
  /** The configuration of docker-cni and the folder of its networks. */
  cniYaml: string;
  cniConfDir: string;
  /** What an installation did. */
  note: string;
  /** Where Docker's client looks for plugins; the last one is where they are put by hand. */
  cliPluginDirs: readonly string[];
  /** Where systemd looks for units; the first one is the operator's. */
  unitDirs: readonly string[];
  /** Is there when systemd runs the host. */
  systemd: string;
  /** A configuration of podman's that is read after its own. */
  podmanDropInDir: string;
  /** Where Docker is when it is a snap. */
  snapDocker: string;
  dockerds: readonly string[];
  /** Names of the launcher that a host's administrator expects. */
  launchers: readonly string[];
}

/** The places of a host whose file system begins at `root`. */
export function setupPaths(root = "/"): SetupPaths {
  const at = (path: string): string => (root === "/" ? path : join(root, path));
  return {
    daemonJson: at("/etc/docker/daemon.json"),
    pidFile: at("/var/run/docker.pid"),
    cniYaml: at("/etc/docker/cni.yaml"),
    cniConfDir: at("/etc/cni/net.d"),
    note: at("/var/lib/docker-cni/install.json"),
    cliPluginDirs: [
      "/usr/libexec/docker/cli-plugins",
      "/usr/lib/docker/cli-plugins",
      "/usr/local/libexec/docker/cli-plugins",
      "/usr/local/lib/docker/cli-plugins",
    ].map(at),
    unitDirs: ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"].map(at),
    systemd: at("/run/systemd/system"),
    podmanDropInDir: at("/etc/containers/containers.conf.d"),
    snapDocker: at("/snap/docker/current"),
    dockerds: ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"].map(at),
    launchers: ["/usr/bin/docker-cni", "/usr/local/bin/docker-cni"].map(at),
  };
}

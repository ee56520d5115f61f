import { connect } from "node:net";
import manifest from "../../package.json" with { type: "json" };

/** What Docker's client is told of its plugin (docker/cli, docs/extend/cli_plugins.md). */
export function pluginMetadata(): string {
  return JSON.stringify({
    SchemaVersion: "0.1.0",
    Vendor: "docker-cni",
    Version: manifest.version,
    ShortDescription: "CNI networks for plain Docker containers",
  });
}

/**
 * Ends this process, by SIGTERM, when Docker's client is asked to end: newer ones open a socket for that, and close it
 * (docker/cli, cli-plugins/socket). Where there is none, nothing is done: a terminal tells the plugin by itself.
 */
export function endWithClient(
  env: NodeJS.ProcessEnv,
  end: () => void = () => void process.kill(process.pid, "SIGTERM"),
): void {
  const address = env["DOCKER_CLI_PLUGIN_SOCKET"];
  if (!address) return;
  // An abstract address (unix(7)) is written with an @.
  const socket = connect({ path: address.replace(/^@/, "\0") });
  let isOpen = false;
  socket.on("connect", () => (isOpen = true));
  socket.on("error", () => {});
  socket.on("close", () => {
    if (isOpen) end();
  });
  socket.unref();
}

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

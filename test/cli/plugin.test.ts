import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { endWithClient, pluginMetadata } from "../../src/cli/plugin.ts";

let server: Server | undefined;
afterEach(() => server?.close());

test("the metadata is what Docker's client asks for", () => {
  expect(JSON.parse(pluginMetadata())).toEqual({
    SchemaVersion: "0.1.0",
    Vendor: "docker-cni",
    Version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    ShortDescription: "CNI networks for plain Docker containers",
  });
});

test("the plugin ends when the client closes its socket, and not before", async () => {
  const name = `docker_cli_test_${process.pid}`;
  const clients: Socket[] = [];
  server = createServer((client) => clients.push(client));
  await new Promise<void>((done) => server?.listen(`\0${name}`, done));
  const connected = new Promise<void>((done) => server?.once("connection", () => done()));
  let ended = 0;
  endWithClient({ DOCKER_CLI_PLUGIN_SOCKET: `@${name}` }, () => (ended += 1));
  await connected;
  expect(ended).toBe(0);
  clients[0]?.destroy();
  await expect.poll(() => ended).toBe(1);
});

test.each([{}, { DOCKER_CLI_PLUGIN_SOCKET: "@nobody_listens_here" }])(
  "a client without a socket ends nothing: %o",
  async (env) => {
    let ended = 0;
    endWithClient(env, () => (ended += 1));
    await new Promise((done) => setTimeout(done, 50));
    expect(ended).toBe(0);
  },
);

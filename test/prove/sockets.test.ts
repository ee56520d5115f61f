import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { localSockets, type Sockets } from "../../src/prove/sockets.ts";

const address = "127.0.0.1";
const timeoutMs = 1000;

let sockets: Sockets[] = [];
const open = (name: string): Sockets => {
  const opened = localSockets(name);
  sockets.push(opened);
  return opened;
};
afterEach(async () => {
  for (const each of sockets) await each.close();
  sockets = [];
});

describe("servers and clients of a test", () => {
  test.each(["tcp", "udp"] as const)(
    "answer by %s with the address that was seen",
    async (protocol) => {
      const port = await open("web").serve({ address, port: 0 });
      const answer = await open("client").call({ protocol, address, port, timeoutMs });
      expect(answer).toMatchObject({ from: "127.0.0.1", server: "web" });
    },
  );

  test("carry datagrams of any size", async () => {
    const port = await open("web").serve({ address, port: 0 });
    for (const size of [548, 1472, 8972, 65_507]) {
      const call = { protocol: "udp" as const, address, port, timeoutMs, size };
      expect(await open("client").call(call)).toMatchObject({ size });
    }
  });

  test.each(["tcp", "udp"] as const)("say by %s that nobody listens", async (protocol) => {
    const server = open("web");
    const port = await server.serve({ address, port: 0 });
    await server.close();
    const answer = await open("client").call({ protocol, address, port, timeoutMs });
    expect(answer).toEqual({ error: "ECONNREFUSED" });
  });

  test.each([
    { what: "nothing", error: "ETIMEDOUT", greeting: undefined },
    { what: "something else", error: "EPROTO", greeting: "SSH-2.0-OpenSSH\r\n" },
  ])("say $error where the server answers $what", async ({ error, greeting }) => {
    const server = createServer((socket) => {
      if (greeting !== undefined) socket.end(greeting);
    });
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    const bound = server.address();
    const port = typeof bound === "object" ? (bound?.port ?? 0) : 0;
    const call = { protocol: "tcp" as const, address, port, timeoutMs: 200 };
    expect(await open("client").call(call)).toEqual({ error });
    server.close();
  });

  test("count the fragments of the namespace", async () => {
    expect(await open("web").fragments()).toBeGreaterThanOrEqual(0);
  });
});

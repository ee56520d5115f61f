import { connect } from "node:net";
import { expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import { run, waitFor } from "./harness/shell.ts";

// In the machine's own network namespace, so that the test itself may connect.
const test = dockerTest();

/** How a TCP connection to the address ends: `connected`, or the error's code. */
function connectTo(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 3000 });
    const ended = (how: string): void => {
      socket.destroy();
      resolve(how);
    };
    socket.once("connect", () => ended("connected"));
    socket.once("timeout", () => ended("no answer"));
    socket.once("error", (error: NodeJS.ErrnoException) => ended(error.code ?? error.message));
  });
}

/** Whether the address answers ping. */
async function answersPing(address: string): Promise<boolean> {
  return (await run(["busybox", "ping", "-c", "1", "-W", "2", address])).exitCode === 0;
}

// As docs/stopped.md says.
test("a stopped container's address answers ping and refuses TCP, and a removed one's is silent", async ({
  host,
}) => {
  const serve = ["--runtime", "cni", "--net", "none", "--stop-signal", "KILL", "busybox"];
  const id = (await host.ok("run", "-d", ...serve, "httpd", "-f", "-p", "80")).trim();
  const { address } = await host.interface(id);
  const accepts = async () => ((await connectTo(address, 80)) === "connected" ? true : undefined);
  await waitFor("the container serves", accepts);

  await host.ok("stop", id);
  expect(await answersPing(address)).toBe(true);
  expect(await connectTo(address, 80)).toBe("ECONNREFUSED");

  await host.ok("start", id);
  await waitFor("the container serves again", accepts);

  await host.ok("rm", "-f", id);
  const isSilent = async () => ((await answersPing(address)) ? undefined : true);
  await waitFor("the address is silent", isSilent);
});

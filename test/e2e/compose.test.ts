import { join } from "node:path";
import { expect } from "vitest";
import { dockerEnv, socketPath } from "./harness/cli.ts";
import { REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { run, waitFor } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";

const test = dockerTest({ iptables: true });

/** The compose that is to be had on the machine. */
async function findCompose(): Promise<string[] | undefined> {
  for (const argv of [["docker", "compose"], ["docker-compose"]]) {
    if ((await run([...argv, "version"])).exitCode === 0) return argv;
  }
  return undefined;
}

async function answer(host: DockerHost): Promise<string> {
  const get = ["timeout", "2", "busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8088/"];
  return waitFor("web answers", async () => {
    const { stdout, exitCode } = await run([...inHostNetns(host.place), ...get]);
    return exitCode === 0 ? stdout : undefined;
  });
}

test("the compose file of docs/ works as written, up, restarted, and down", async ({
  host,
  noLeaks,
  skip,
}) => {
  const argv = await findCompose();
  skip(argv === undefined, "there is neither docker compose nor docker-compose");
  const env = { ...dockerEnv(host.place), DOCKER_HOST: `unix://${socketPath(host.place)}` };
  const file = ["-f", join(REPOSITORY, "docs/compose.yaml"), "-p", "shop"];
  const compose = (...args: string[]) => run([...(argv ?? []), ...file, ...args], { env });
  expect(await compose("up", "-d")).toMatchObject({ exitCode: 0 });
  expect(await answer(host)).toBe("42");
  const inside = await compose("exec", "-T", "web", "ping", "-c", "1", "store.internal");
  expect(inside.stdout).toContain("1 packets received");
  expect(await compose("restart")).toMatchObject({ exitCode: 0 });
  expect(await answer(host)).toBe("42");
  expect(await compose("down")).toMatchObject({ exitCode: 0 });
  await host.ok("run", "--rm", "--runtime", "cni", "--net", "none", "busybox", "true");
  await noLeaks();
});

import { expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { killDaemon } from "./power.ts";
import { program } from "./program.ts";
import { expectAsBefore, threeContainers } from "./three.ts";

const test = dockerTest({ daemonJson: { "live-restore": true } });

test("with live-restore, kill -9 of dockerd leaves a running container its network", async ({
  host,
}) => {
  const before = await threeContainers(host);
  const [id = ""] = before.keys();
  const { State } = await host.inspect(id);
  await killDaemon(host);
  expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
  await host.start();
  expect((await host.inspect(id)).State.Pid).toBe(State.Pid);
  await expectAsBefore(host, before);
  await host.ok("restart", id);
  await expectAsBefore(host, before);
});

import { test as base } from "vitest";
import { startDockerHost, type DockerHost, type HostOptions } from "./host.ts";
import { expectNoLeaks, snapshot } from "./leaks.ts";
import { removeContainers } from "./takedown.ts";

/**
 * A `test` whose tests share one private Docker host per file, given as `host`. After each of them its containers
 * are removed, and it fails when anything is left of them.
 */
export function dockerTest(options: HostOptions = {}) {
  return base.extend<{
    host: DockerHost /** Rejects when anything is left that was not there before the test. */;
    noLeaks: () => Promise<void>;
  }>({
    host: [
      // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures' names from this pattern
      async ({}, use) => {
        const host = await startDockerHost(options);
        await use(host);
        await host.stop();
      },
      { scope: "file" },
    ],
    noLeaks: [
      async ({ host }, use) => {
        const before = await snapshot(host.place);
        const noLeaks = () => expectNoLeaks(host.place, before);
        await use(noLeaks);
        await removeContainers(host.place);
        await noLeaks();
      },
      { auto: true },
    ],
  });
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  findEngineContainer,
  listEngineContainers,
  runningConfigFiles,
  runningContainersDirs,
} from "../../src/engine/find-container.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-find-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(file: string, content: string): void {
  mkdirSync(join(dir, file, ".."), { recursive: true });
  writeFileSync(join(dir, file), content);
}

function daemon(pid: number, ...argv: string[]): void {
  write(`proc/${pid}/cmdline`, `${argv.join("\0")}\0`);
}

describe("the folders of containers are told by", () => {
  test.each([
    ["no daemon: Docker's default", [], ["/var/lib/docker/containers"]],
    ["--data-root VALUE", [["dockerd", "--data-root", "/a"]], ["/a/containers"]],
    ["--data-root=VALUE", [["/usr/bin/dockerd", "-H", "x", "--data-root=/b"]], ["/b/containers"]],
    ["the old -g", [["dockerd", "-g", "/c"]], ["/c/containers"]],
    [
      "each of several daemons",
      [
        ["dockerd", "-g", "/c"],
        ["dockerd", "-g", "/d"],
      ],
      ["/c/containers", "/d/containers"],
    ],
    ["no other program", [["sh", "dockerd", "-g", "/c"]], ["/var/lib/docker/containers"]],
  ])("%s", (_, daemons, dirs) => {
    for (const [place, argv] of daemons.entries()) daemon(place + 10, ...argv);
    write("proc/self/cmdline", "dockerd\0");
    expect(runningContainersDirs(join(dir, "proc"))).toEqual(dirs);
  });

  test.each([
    ["its data-root", '{"data-root":"/e"}', "/e/containers"],
    ["nothing of a file that is broken", "{", "/var/lib/docker/containers"],
  ])("the file of --config-file: %s", (_, json, expected) => {
    write("daemon.json", json);
    daemon(10, "dockerd", "--config-file", join(dir, "daemon.json"));
    expect(runningContainersDirs(join(dir, "proc"))).toEqual([expected]);
  });
});

test("the configuration files of the daemons that run are told, each once", () => {
  expect(runningConfigFiles(join(dir, "proc"))).toEqual(["/etc/docker/daemon.json"]);
  daemon(10, "dockerd", "--config-file=/a.json");
  daemon(11, "dockerd");
  daemon(12, "dockerd", "--config-file", "/a.json");
  expect(runningConfigFiles(join(dir, "proc"))).toEqual(["/a.json", "/etc/docker/daemon.json"]);
});

describe("a container of Docker's is found by", () => {
  beforeEach(() => {
    const containers = { aaa1: "/web", aab2: "/db", ccc3: "/aaa1" };
    for (const [id, Name] of Object.entries(containers)) {
      const State = { Running: id === "aaa1", StartedAt: "2026-01-01T00:00:00Z" };
      write(`containers/${id}/config.v2.json`, JSON.stringify({ Name, State }));
      write(`containers/${id}/hostconfig.json`, JSON.stringify({ Runtime: "cni" }));
    }
    write("containers/ddd4/config.v2.json", '{"State":{"StartedAt":"0001-01-01T00:00:00Z"}}');
    write("containers/eee5/config.v2.json", "{");
  });

  test("a list of all", () => {
    const all = listEngineContainers([join(dir, "containers"), join(dir, "nowhere")]);
    expect(all.slice(0, 3).map(({ id, name, running }) => [id, name, running])).toEqual([
      ["aaa1", "web", true],
      ["aab2", "db", false],
      ["ccc3", "aaa1", false],
    ]);
  });

  test.each([
    ["its name", "web", "aaa1"],
    ["its id", "aab2", "aab2"],
    ["the beginning of its id", "c", "ccc3"],
    ["its name before another's id", "aaa1", "ccc3"],
    ["its id, though its files are broken", "eee5", "eee5"],
  ])("%s", (_, word, id) => {
    expect(findEngineContainer([join(dir, "containers")], word)?.id).toBe(id);
  });

  test.each([
    ["what several ids begin with", "aa"],
    ["nobody's name", "nobody"],
    ["nothing", ""],
  ])("not by %s", (_, word) => {
    expect(findEngineContainer([join(dir, "containers"), "/no/such"], word)).toBeUndefined();
  });

  test("what its files tell of it", () => {
    const find = (word: string) => findEngineContainer([join(dir, "containers")], word);
    const directory = join(dir, "containers/aaa1");
    expect(find("web")).toEqual({
      id: "aaa1",
      name: "web",
      directory,
      runtime: "cni",
      running: true,
      wasStarted: true,
    });
    expect(find("ddd4")).toMatchObject({ name: undefined, running: false, wasStarted: false });
  });
});

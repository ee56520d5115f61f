import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_HOST, findEndpoint, socketOf } from "../../src/dockerd/endpoint.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-endpoint-"));
  for (const [folder, config] of Object.entries({
    "home/.docker": { currentContext: "lab" },
    plain: {},
    same: { currentContext: "default" },
  })) {
    mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, folder, "config.json"), JSON.stringify(config));
  }
  mkdirSync(join(dir, "broken"));
  writeFileSync(join(dir, "broken/config.json"), "{");
  for (const folder of ["home/.docker", "plain"]) {
    const digest = createHash("sha256").update("lab").digest("hex");
    const meta = join(dir, folder, "contexts/meta", digest);
    mkdirSync(meta, { recursive: true });
    const endpoints = { docker: { Host: "unix:///lab.sock" } };
    writeFileSync(join(meta, "meta.json"), JSON.stringify({ Name: "lab", Endpoints: endpoints }));
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

test.each([
  { title: "nothing", env: { HOME: "/nowhere" }, host: DEFAULT_HOST },
  {
    title: "DOCKER_HOST",
    env: { DOCKER_HOST: "unix:///x", DOCKER_CONTEXT: "y" },
    host: "unix:///x",
  },
  { title: "the context of now", env: { HOME: "home" }, host: "unix:///lab.sock" },
  {
    title: "DOCKER_CONTEXT",
    env: { DOCKER_CONFIG: "plain", DOCKER_CONTEXT: "lab" },
    host: "unix:///lab.sock",
  },
  {
    title: "DOCKER_CONTEXT default",
    env: { HOME: "home", DOCKER_CONTEXT: "default" },
    host: DEFAULT_HOST,
  },
  { title: "the default context", env: { DOCKER_CONFIG: "same" }, host: DEFAULT_HOST },
  { title: "a client without a context", env: { DOCKER_CONFIG: "plain" }, host: DEFAULT_HOST },
  { title: "a broken client", env: { DOCKER_CONFIG: "broken" }, host: DEFAULT_HOST },
])("the engine is where $title says", ({ env, host }) => {
  const placed = Object.entries(env).map(([name, value]) =>
    /HOME|CONFIG/.test(name) ? [name, join(dir, value)] : [name, value],
  );
  expect(findEndpoint(Object.fromEntries(placed)).host).toBe(host);
});

test("a context that there is not is an error that names it", () => {
  const env = { DOCKER_CONFIG: join(dir, "plain"), DOCKER_CONTEXT: "../../etc" };
  expect(() => findEndpoint(env)).toThrow('Docker\'s context "../../etc" is not known');
});

test.each(["tcp://10.0.0.1:2376", "ssh://root@host", "npipe:////./pipe/docker"])(
  "%s is not on this host",
  (host) => {
    expect(() => socketOf({ host, source: "DOCKER_HOST or -H" })).toThrow(
      `the engine is at ${host} by DOCKER_HOST or -H`,
    );
  },
);

test("a scheme without a path is the socket by default", () => {
  expect(socketOf({ host: "unix://", source: "DOCKER_HOST or -H" })).toBe("/var/run/docker.sock");
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { engineAt } from "../../src/dockerd/api.ts";
import { describeError } from "../../src/lib/errors.ts";

let dir: string;
let server: Server | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-api-"));
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  rmSync(dir, { recursive: true });
});

const endpoint = () => ({ host: `unix://${dir}/docker.sock`, source: "DOCKER_HOST or -H" });

async function listen(answer: RequestListener): Promise<void> {
  server = createServer(answer);
  await new Promise<void>((done) => server?.listen(join(dir, "docker.sock"), done));
}

const failure = (error: unknown): string => describeError(error).replaceAll(dir, "");

test("an answer is what the engine says, in pieces or not", async () => {
  await listen((asked, answer) => {
    answer.write(`{"asked":`);
    setTimeout(() => answer.end(`"${asked.url}"}`), 20);
  });
  expect(await engineAt(endpoint()).get("/info")).toEqual({ asked: "/info" });
});

test.each([
  {
    title: "an error of the engine",
    answer: { status: 500, body: '{"message":"out of luck"}' },
    told: /answers GET \/info with 500: out of luck$/,
  },
  {
    title: "another server",
    answer: { status: 200, body: "<html>" },
    told: /what answers GET \/info at unix:\/\/\/docker.sock is no Docker Engine: <html>$/,
  },
])("$title is told", async ({ answer: { status, body }, told }) => {
  await listen((_, answer) => answer.writeHead(status).end(body));
  await expect(engineAt(endpoint()).get("/info").catch(failure)).resolves.toMatch(told);
});

test("what the engine does not have is undefined", async () => {
  await listen((_, answer) => answer.writeHead(404).end('{"message":"No such container"}'));
  expect(await engineAt(endpoint()).get("/containers/x/json")).toBeUndefined();
});

test.each([
  { title: "no socket", prepare: async () => {}, told: /there is no such socket \(start Docker/ },
  {
    title: "a file that nobody listens on",
    prepare: async () => writeFileSync(join(dir, "docker.sock"), ""),
    told: /nobody listens on the socket \(start Docker/,
  },
  {
    title: "an engine that hangs",
    prepare: () => listen(() => {}),
    told: /it does not answer \(look at the engine's log/,
  },
])("$title is told, with what to do", async ({ prepare, told }) => {
  await prepare();
  const answer = await engineAt(endpoint(), 200).get("/info").catch(failure);
  expect(answer).toMatch(
    /^cannot reach the Docker Engine at unix:\/\/\/docker.sock \(from DOCKER_HOST/,
  );
  expect(answer).toMatch(told);
});

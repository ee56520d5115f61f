import { request } from "node:http";
import { errnoOf, UserError } from "../lib/errors.ts";
import { type Endpoint, findEndpoint, socketOf } from "./endpoint.ts";

/** The Docker Engine API (docs.docker.com/reference/api/engine) in the version that the engine itself prefers. */
export interface EngineApi {
  endpoint: Endpoint;
  /**
   * Answers `GET path` (`/info`, `/containers/json?all=1`) as parsed JSON; undefined where the engine says that there is no such
   * thing (404). Rejects with NO_ENGINE when it cannot be reached or answers with an error.
   */
  get: (path: string) => Promise<unknown>;
}

const TIMEOUT_MS = 10_000;
const LONGEST = 256 * 1024 * 1024;

/** The engine that Docker's client would talk to. Throws NO_ENGINE when it is not on this host. */
export function engineApi(env: NodeJS.ProcessEnv, timeoutMs = TIMEOUT_MS): EngineApi {
  return engineAt(findEndpoint(env), timeoutMs);
}

/** The engine at this endpoint. */
export function engineAt(endpoint: Endpoint, timeoutMs = TIMEOUT_MS): EngineApi {
  const socketPath = socketOf(endpoint);
  return {
    endpoint,
    async get(path) {
      const { status, body } = await ask({ socketPath, path, timeoutMs }).catch(
        (error: unknown) => {
          throw unreachable(endpoint, error);
        },
      );
      if (status === 404) return undefined;
      if (status >= 200 && status < 300) return parse(endpoint, path, body);
      throw new UserError(
        "NO_ENGINE",
        `the Docker Engine at ${endpoint.host} answers GET ${path} with ${status}: ${messageOf(body)}`,
      );
    },
  };
}

interface Question {
  socketPath: string;
  path: string;
  timeoutMs: number;
}

interface Answer {
  status: number;
  body: string;
}

function ask({ socketPath, path, timeoutMs }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method: "GET", headers: { Host: "docker" } });
    const timer = setTimeout(() => {
      asked.destroy();
      reject(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    }, timeoutMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    asked.on("error", fail);
    asked.on("response", (response) => {
      const pieces: Buffer[] = [];
      let length = 0;
      response.on("data", (piece: Buffer) => {
        length += piece.length;
        if (length > LONGEST) asked.destroy(new Error("the answer is too long"));
        else pieces.push(piece);
      });
      response.on("error", fail);
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() });
      });
    });
    asked.end();
  });
}

function parse({ host }: Endpoint, path: string, body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return value;
  } catch (error) {
    throw new UserError(
      "NO_ENGINE",
      `what answers GET ${path} at ${host} is no Docker Engine: ${body.slice(0, 80)}`,
      { cause: error },
    );
  }
}

/** The engine's errors are `{"message": …}`. */
function messageOf(body: string): string {
  try {
    const value: { message?: unknown } | null = JSON.parse(body);
    if (typeof value?.message === "string") return value.message;
  } catch {
    // What is no JSON is told as it is.
  }
  return body.slice(0, 200).trim();
}

function unreachable({ host, source }: Endpoint, error: unknown): UserError {
  const [reason, hint] = reasonOf(errnoOf(error));
  const message = reason ?? (error instanceof Error ? error.message : String(error));
  return new UserError(
    "NO_ENGINE",
    `cannot reach the Docker Engine at ${host} (from ${source}): ${message}`,
    { ...(hint !== undefined && { hint }), cause: error },
  );
}

function reasonOf(code: string | undefined): [reason: string | undefined, hint?: string] {
  switch (code) {
    case "ENOENT":
    case "FailedToOpenSocket":
      return [
        "there is no such socket",
        "start Docker, or name its socket with: docker -H unix://FILE cni …",
      ];
    case "ECONNREFUSED":
      return ["nobody listens on the socket", "start Docker: systemctl start docker"];
    case "EACCES":
    case "EPERM":
      return ["permission denied", "run it as root, or as a member of the group docker"];
    case "ETIMEDOUT":
      return ["it does not answer", "look at the engine's log: journalctl -u docker"];
    default:
      return [undefined];
  }
}

import { createInterface } from "node:readline";
import { errnoOf } from "../lib/errors.ts";
import { localSockets, type Call, type Sockets } from "./sockets.ts";

/** What the parent asks, a JSON object a line on stdin. */
export type Request = { number: number } & (
  | { op: "serve"; at: { address: string; port: number } }
  | { op: "call"; call: Call }
  | { op: "fragments" }
);

/** What is answered, a JSON object a line on stdout. */
export type Response = { number: number } & ({ value: string | number } | { error: string });

/**
 * `test-agent NAME`: the servers and clients of `docker cni test` in the network namespace that this process was started in. It ends
 * with its stdin, and so with its parent, however that ends.
 */
export async function runAgent(name: string): Promise<number> {
  const sockets = localSockets(name);
  for await (const line of createInterface({ input: process.stdin })) {
    const request: Request = JSON.parse(line);
    // Not waited for: one question does not hold up the next.
    void answer(sockets, request).then((response) =>
      process.stdout.write(`${JSON.stringify(response)}\n`),
    );
  }
  await sockets.close();
  return 0;
}

async function answer(sockets: Sockets, request: Request): Promise<Response> {
  const { number } = request;
  try {
    return { number, value: await perform(sockets, request) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { number, error: errnoOf(error) ?? reason };
  }
}

/** A number, or an answer as JSON. */
async function perform(sockets: Sockets, request: Request): Promise<string | number> {
  if (request.op === "serve") return sockets.serve(request.at);
  if (request.op === "call") return JSON.stringify(await sockets.call(request.call));
  return sockets.fragments();
}

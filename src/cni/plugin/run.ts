import { text } from "node:stream/consumers";
import { answer } from "./answer.ts";
import type { Plugin } from "./plugin.ts";

/**
 * The main function of a plugin: answers the call that the environment and stdin hold, on stdout, and ends the process, with
 * status 1 after an error. The plugin itself writes nothing to stdout.
 */
export async function runPlugin(plugin: Plugin): Promise<never> {
  const { stdout, stderr, exitCode } = await answer(plugin, { env: process.env, readStdin });
  const writeError = await write(process.stdout, stdout);
  const complaint =
    writeError === undefined ? "" : `cannot print the answer: ${writeError.message}\n`;
  await write(process.stderr, stderr + complaint);
  // A timer or socket that the plugin has left open must not keep the runtime waiting.
  process.exit(writeError === undefined ? exitCode : 1);
}

async function readStdin(): Promise<string> {
  return text(process.stdin);
}

/** Writes all of `output`; returns the error when that fails. */
async function write(stream: NodeJS.WriteStream, output: string): Promise<Error | undefined> {
  if (output === "") return undefined;
  return new Promise((resolve) => {
    stream.once("error", resolve);
    stream.write(output, (error) => resolve(error ?? undefined));
  });
}

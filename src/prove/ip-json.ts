import { execFile } from "node:child_process";

const MAX_OUTPUT = 64 * 1024 * 1024;

/** What ip(8) says as JSON, in the namespace `netns` or the host's own. Where it fails, nothing: what was asked of is gone. */
export async function ipJson<T>(args: readonly string[], netns?: string): Promise<T[]> {
  const stdout = await output("ip", [
    ...(netns === undefined ? [] : ["-n", netns]),
    "-json",
    ...args,
  ]);
  if (stdout.trim() === "") return [];
  const found: T[] = JSON.parse(stdout);
  return found;
}

/** What a command prints; the empty text where it is not there or fails. */
export function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: MAX_OUTPUT }, (error, stdout) =>
      resolve(error === null ? stdout : ""),
    );
  });
}

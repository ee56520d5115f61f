import { execa, ExecaError } from "execa";
import { ipJson as ipJsonOrThrow } from "../netns/show.ts";

/** What ip(8) says as JSON, in the namespace `netns` or the host's own. Where it fails, nothing: what was asked of is gone. */
export async function ipJson<T>(args: readonly string[], netns?: string): Promise<T[]> {
  try {
    return await ipJsonOrThrow<T>([...(netns === undefined ? [] : ["-n", netns]), ...args]);
  } catch (error) {
    if (error instanceof ExecaError) return [];
    throw error;
  }
}

/** What a command prints; the empty text where it is not there or fails. */
export async function output(command: string, args: readonly string[]): Promise<string> {
  const { failed, stdout } = await execa(command, args, {
    reject: false,
    stripFinalNewline: false,
  });
  return failed ? "" : stdout;
}

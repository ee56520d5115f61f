import { spawn } from "node:child_process";
import { join } from "node:path";

/**
 * Has the folder's host taken down when this process ends, in whatever way it does, kill -9 included: a shell in a session of
 * its own reads from a pipe whose other end only this process holds. Gives what calls it off.
 * `script` is the program that takes the folder's host down.
 */
export function guard(
  dir: string,
  script = join(import.meta.dirname, "../takedown.ts"),
): () => void {
  const wait = 'read -r called_off || exec "$0" "$1" "$2"';
  const child = spawn("sh", ["-c", wait, process.execPath, script, dir], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  return () => child.stdin.end("called off\n");
}

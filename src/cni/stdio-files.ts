import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errnoOf } from "./system-error.ts";

/** A plugin's standard input, output and error as files that have no name any more. */
export interface StdioFiles {
  readonly fds: readonly [stdin: number, stdout: number, stderr: number];
  /** Bytes written to stdout so far. */
  stdoutSize(): number;
  readStdout(): string;
  /** The last bytes of stderr, at most `maxBytes`. */
  readStderr(maxBytes: number): string;
  close(): void;
}

/**
 * Opens the three files, with `input` in the first. In memory where there is a tmpfs, so that a full disk
 * stops no plugin. Throws the system error when no folder will do.
 *
 * Files and not pipes, for two reasons: the pipes of `child_process` are sockets, and a plugin written as a shell script
 * cannot open /dev/stdin or /dev/stderr on a socket (ENXIO); and a file has no end to wait for when the plugin leaves
 * a child behind that holds it open.
 */
export function openStdioFiles(input: string, dirs: readonly string[] = scratchDirs()): StdioFiles {
  let failure: unknown;
  for (const dir of dirs) {
    try {
      return openIn(dir, input);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      failure = error;
    }
  }
  throw failure;
}

function scratchDirs(): string[] {
  return ["/dev/shm", "/run", tmpdir()];
}

function openIn(dir: string, input: string): StdioFiles {
  const opened: number[] = [];
  const open = (flags: string): number => {
    const fd = openUnnamed(dir, flags);
    opened.push(fd);
    return fd;
  };
  const close = (): void => {
    for (const fd of opened.splice(0)) closeSync(fd);
  };
  try {
    const stdin = open("wx+");
    writeFromStart(stdin, input);
    // Appending: a script that reopens /dev/stdout must not leave a hole where its other output was.
    const stdout = open("ax+");
    const stderr = open("ax+");
    return {
      fds: [stdin, stdout, stderr],
      stdoutSize: () => fstatSync(stdout).size,
      readStdout: () => readTail(stdout, Infinity),
      readStderr: (maxBytes) => readTail(stderr, maxBytes),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function openUnnamed(dir: string, flags: string): number {
  const path = join(dir, `.cni-${process.pid}-${crypto.randomUUID()}`);
  const fd = openSync(path, flags, 0o600);
  unlinkSync(path);
  return fd;
}

/** Writes at positions, which leaves the descriptor's offset, the reader's starting point, at 0. */
function writeFromStart(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, done);
}

function readTail(fd: number, maxBytes: number): string {
  const { size } = fstatSync(fd);
  const start = Math.max(0, size - maxBytes);
  const bytes = Buffer.alloc(size - start);
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(fd, bytes, done, bytes.length - done, start + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.toString("utf8", 0, done);
}

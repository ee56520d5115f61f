import { readdirSync, readFileSync } from "node:fs";
import type * as ffi from "bun:ffi";

/** What a process becomes, with this process's streams, folder and id. */
export interface Becoming {
  /** The program, absolute. */
  path: string;
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Descriptors above 2 that the program finds under the same numbers; all others are closed. */
  fds: readonly number[];
  /** The soft limit of open files; undefined: this process's own. */
  openFiles?: string | undefined;
}

const SIGNATURES = {
  execve: { args: ["ptr", "ptr", "ptr"], returns: "int" },
  fcntl: { args: ["int", "int", "int"], returns: "int" },
  signal: { args: ["int", "u64"], returns: "int" },
  sigprocmask: { args: ["int", "ptr", "ptr"], returns: "int" },
  getrlimit: { args: ["int", "ptr"], returns: "int" },
  setrlimit: { args: ["int", "ptr"], returns: "int" },
} as const;

const SIG_SETMASK = 2;
const RLIMIT_NOFILE = 7;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const SIGNALS = 64;

/**
 * Replaces this process by another program (execve(2)): it has this one's id, the signals as a new process has them, and nothing
 * waits beside it. Returns only where that is impossible: with an engine that cannot make system calls, or when the kernel refuses.
 */
export async function become({ path, argv, env, fds, openFiles }: Becoming): Promise<void> {
  if (process.versions["bun"] === undefined) return;
  const { dlopen, ptr }: typeof ffi = await import("bun:ffi");
  const library = open(dlopen);
  if (library === undefined) return;
  const strings = (texts: readonly string[]): Uint8Array => {
    const bytes = texts.map((text) => new Uint8Array(Buffer.from(`${text}\0`)));
    kept.push(...bytes);
    const pointers = new BigUint64Array([...bytes.map((each) => BigInt(ptr(each))), 0n]);
    return new Uint8Array(pointers.buffer);
  };
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const all = [...argv, ...variables];
  // The kernel takes no byte 0 for anything but the end.
  if (all.some((text) => text.includes("\0"))) return;
  const args = strings([path, ...argv]);
  const environment = strings(variables);
  for (const fd of openDescriptors()) {
    library.fcntl(fd, F_SETFD, fds.includes(fd) || fd < 3 ? 0 : FD_CLOEXEC);
  }
  const restore = setOpenFiles(library, openFiles);
  // What is handled is the default's again by itself, and what the engine ignores is not.
  for (const signal of ignoredSignals()) library.signal(signal, 0);
  library.sigprocmask(SIG_SETMASK, new Uint8Array(128), null);
  library.execve(new Uint8Array(Buffer.from(`${path}\0`)), args, environment);
  restore();
}

/** What the kernel reads by address alone is not to be collected meanwhile. */
const kept: Uint8Array[] = [];

function open(dlopen: typeof ffi.dlopen) {
  try {
    return dlopen("libc.so.6", SIGNATURES).symbols;
  } catch {
    return undefined;
  }
}

/** Those that are open now, and the one of the look itself, which is closed by then. */
function openDescriptors(): number[] {
  return readdirSync("/proc/self/fd").map(Number);
}

/** By the mask of proc(5), SigIgn: bit 0 is signal 1. */
function ignoredSignals(): number[] {
  const hex = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const mask = BigInt(`0x${hex}`);
  return Array.from({ length: SIGNALS }, (_, place) => place + 1).filter(
    (signal) => (mask >> BigInt(signal - 1)) & 1n,
  );
}

/** Sets the soft limit; gives what puts back the one of before. */
function setOpenFiles(
  { getrlimit, setrlimit }: NonNullable<ReturnType<typeof open>>,
  openFiles: string | undefined,
): () => void {
  const limits = new BigUint64Array(2);
  const bytes = new Uint8Array(limits.buffer);
  const isKnown = openFiles !== undefined && /^\d+$/.test(openFiles);
  if (!isKnown || getrlimit(RLIMIT_NOFILE, bytes) !== 0) return () => {};
  const before = limits[0] ?? 0n;
  limits[0] = BigInt(openFiles);
  setrlimit(RLIMIT_NOFILE, bytes);
  return () => {
    limits[0] = before;
    setrlimit(RLIMIT_NOFILE, bytes);
  };
}

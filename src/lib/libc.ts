import type * as ffi from "bun:ffi";

/** System calls that no module of Node's makes. They return 0 or a descriptor, and -1 when they fail. */
export type Libc = Record<
  keyof typeof SIGNATURES,
  (...args: (number | Uint8Array | null)[]) => number
>;

const SIGNATURES = {
  /** flock(2): descriptor, operation. */
  flock: { args: ["int", "int"], returns: "int" },
  /** unshare(2): namespaces of the calling thread. */
  unshare: { args: ["int"], returns: "int" },
  /** setns(2): descriptor, kind of namespace. */
  setns: { args: ["int", "int"], returns: "int" },
  /** mount(2): source, target, type, flags, data; strings as `cString` makes them. */
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "int" },
  /** umount2(2): target, flags. */
  umount2: { args: ["ptr", "int"], returns: "int" },
  /** socket(2): family, type, protocol. */
  socket: { args: ["int", "int", "int"], returns: "int" },
  /** sendto(2): descriptor, message, its length, flags, address, its length. */
  sendto: { args: ["int", "ptr", "u64", "int", "ptr", "int"], returns: "int" },
  /** ioctl(2): descriptor, request, argument. */
  ioctl: { args: ["int", "u64", "ptr"], returns: "int" },
} as const;

let opened: Promise<Libc | undefined> | undefined;

/**
 * The C library, where the engine can call it: each of these calls spares a process. Undefined under Node, which cannot, and
 * where the engine may make no code at run time; whoever uses it can do without.
 */
export async function libc(): Promise<Libc | undefined> {
  if (process.versions["bun"] === undefined) return undefined;
  opened ??= import("bun:ffi").then(open);
  return opened;
}

function open({ dlopen }: typeof ffi): Libc | undefined {
  try {
    return dlopen("libc.so.6", SIGNATURES).symbols;
  } catch {
    return undefined;
  }
}

/** `text` as the C library takes strings. */
export function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** flock(2) that does not wait: whether the open file `fd` is locked now. */
export type TryFlock = (fd: number, mode: "shared" | "exclusive") => boolean;

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** The C library's flock, where the engine can call it. */
export async function nativeFlock(): Promise<TryFlock | undefined> {
  const library = await libc();
  if (library === undefined) return undefined;
  return (fd, mode) => library.flock(fd, (mode === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0;
}

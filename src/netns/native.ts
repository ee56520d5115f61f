import { closeSync, openSync, rmSync } from "node:fs";
import { errnoOf } from "../lib/errors.ts";
import { cString, libc, type Libc } from "../lib/libc.ts";

const CLONE_NEWNET = 0x40000000;
const MS_BIND = 4096;
const MNT_DETACH = 2;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** The thread that makes the calls: the others stay in the namespace that they are in. */
const OWN_NETNS = "/proc/thread-self/ns/net";

/**
 * Makes a network namespace with its loopback interface up and mounts it on the file `path`. False when the engine cannot, or
 * a call failed: then there is none, and a command may try and tell why.
 */
export async function mountNewNetns(path: string): Promise<boolean> {
  const library = await libc();
  if (library === undefined) return false;
  const home = openSync(OWN_NETNS, "r");
  try {
    if (library.unshare(CLONE_NEWNET) !== 0) return false;
    const isMade =
      raiseLoopback(library) &&
      library.mount(cString(OWN_NETNS), cString(path), cString("none"), MS_BIND, null) === 0;
    // Nothing of this process may go on in the container's namespace.
    if (library.setns(home, CLONE_NEWNET) !== 0) process.abort();
    return isMade;
  } finally {
    closeSync(home);
  }
}

/**
 * What `read` gives while the calling thread is in the network namespace at `path`: `read` waits for nothing. Undefined when the
 * engine cannot enter it.
 */
export async function insideNetns<T>(path: string, read: () => T): Promise<T | undefined> {
  const library = await libc();
  if (library === undefined) return undefined;
  const home = openSync(OWN_NETNS, "r");
  try {
    const there = openSync(path, "r");
    try {
      if (library.setns(there, CLONE_NEWNET) !== 0) return undefined;
      return read();
    } finally {
      if (library.setns(home, CLONE_NEWNET) !== 0) process.abort();
      closeSync(there);
    }
  } finally {
    closeSync(home);
  }
}

/** Takes the namespace off `path` and removes that. False when the engine cannot, or it failed. */
export async function unmountNetns(path: string): Promise<boolean> {
  const library = await libc();
  if (library === undefined || library.umount2(cString(path), MNT_DETACH) !== 0) return false;
  try {
    rmSync(path);
    return true;
  } catch (error) {
    // There may be one mounted over the other.
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** netdevice(7): an ifreq is a name of 16 bytes, then the flags. */
function raiseLoopback(library: Libc): boolean {
  const socket = library.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) return false;
  try {
    const request = Buffer.alloc(40);
    request.write("lo");
    if (library.ioctl(socket, SIOCGIFFLAGS, request) !== 0) return false;
    request.writeInt16LE(request.readInt16LE(16) | IFF_UP, 16);
    return library.ioctl(socket, SIOCSIFFLAGS, request) === 0;
  } finally {
    closeSync(socket);
  }
}

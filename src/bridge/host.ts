import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { CniError, errorCodes } from "../cni/index.ts";
import { errnoOf, ifReadable } from "../lib/errors.ts";
import { libc } from "../lib/libc.ts";
import { insideNetns } from "../netns/native.ts";
import { type NetlinkSocket, openNetlink } from "../netlink/socket.ts";

/** The kernel as the plugin needs it: links, addresses and routes of two namespaces, and settings. */
export interface Host {
  /** Of the host. */
  here: NetlinkSocket;
  /** Of the container; what is asked of it is done there. */
  there: NetlinkSocket;
  /** The container's namespace as an open file. */
  netns: number;
  /** Writes a setting below /proc/sys/net of the host; one that is not there, or cannot be changed, stays. */
  set(key: string, value: string): void;
  /** As `set`, in the container. */
  setThere(key: string, value: string): Promise<void>;
  close(): void;
}

/** Opens both namespaces; throws a CniError of code 3 where the container's is gone, of code 5 where no call can be made. */
export async function openHost(netnsPath: string): Promise<Host> {
  const library = await libc();
  if (library === undefined) throw failed("the engine cannot make system calls");
  const netns = openNetns(netnsPath);
  const here = openNetlink(library);
  const there = await insideNetns(netnsPath, () => openNetlink(library));
  if (here === undefined || there === undefined) {
    closeSync(netns);
    here?.close();
    throw failed(`cannot enter the network namespace ${netnsPath}: is the caller root?`);
  }
  return {
    here,
    there,
    netns,
    set: writeSetting,
    setThere: async (key, value) => {
      await insideNetns(netnsPath, () => writeSetting(key, value));
    },
    close: () => {
      here.close();
      there.close();
      closeSync(netns);
    },
  };
}

function openNetns(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === undefined) throw cause;
    const msg = `cannot open the network namespace ${path}: ${code}`;
    throw new CniError({ kind: "invalid", code: errorCodes.unknownContainer, msg, cause });
  }
}

function writeSetting(key: string, value: string): void {
  const file = `/proc/sys/net/${key}`;
  ifReadable(() => {
    if (readFileSync(file, "utf8").trim() !== value) writeFileSync(file, value);
  });
}

export function failed(msg: string): CniError {
  return new CniError({
    kind: "invalid",
    code: errorCodes.ioFailure,
    msg: `docker-cni-bridge: ${msg}`,
  });
}

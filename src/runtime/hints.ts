import { CniError } from "../cni/index.ts";
import { UserError } from "../errors.ts";

/** Adds what the operator can do to a fault of the network's; other faults stay as they are. */
export function withHint(error: unknown, logFile: string | undefined): unknown {
  if (!(error instanceof CniError)) return error;
  return new UserError("CNI_FAILED", error.message, {
    hint: hintFor(error.kind, logFile),
    cause: error,
  });
}

function hintFor(kind: CniError["kind"], logFile: string | undefined): string {
  const details = logFile === undefined ? "" : `; details are in ${logFile}`;
  switch (kind) {
    case "not-found":
      return "install the plugin, or name its folder in cni_bin_dir";
    case "timeout":
      return `find out what the plugin waits for, or raise plugin_timeout (half a second is added to it for each published port)${details}`;
    case "no-network":
      return "put a network list there, such as config/net.d/10-docker-cni.conflist, or correct cni_conf_dir";
    default:
      return `see the network's file and the plugin's documentation${details}`;
  }
}

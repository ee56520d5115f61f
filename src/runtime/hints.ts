import { CniError, compareVersions, errorCodes } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";

/** Adds what the operator can do to an error of the network's; other errors stay as they are. */
export function withHint(error: unknown, logFile: string | undefined): unknown {
  if (!(error instanceof CniError)) return error;
  return new UserError("CNI_FAILED", error.message, {
    hint: versionHint(error) ?? hintFor(error, logFile),
    cause: error,
  });
}

/** For a cniVersion that the plugin does not know (code 1 of the specification): one that it does. */
function versionHint({ code, details, msg, plugin, network }: CniError): string | undefined {
  if (code !== errorCodes.incompatibleVersion) return undefined;
  // The reference plugins: config is "1.1.0", plugin supports ["0.3.0" "0.4.0" "1.0.0"]
  const known = /supports (\[.*\])/.exec(`${msg} ${details ?? ""}`)?.[1] ?? "";
  const versions = [...known.matchAll(/\d+\.\d+\.\d+/g)].map(([version]) => version);
  const highest = versions.toSorted(compareVersions).at(-1);
  if (highest === undefined) return undefined;
  return `write "cniVersion": "${highest}" in the file of network ${network ?? ""}: the plugin ${plugin ?? ""} knows no higher one`;
}

function hintFor({ kind, msg }: CniError, logFile: string | undefined): string {
  const details = logFile === undefined ? "" : `; details are in ${logFile}`;
  switch (kind) {
    case "not-found":
      return "install the plugin, or name its folder in cni_bin_dir";
    case "timeout":
      return `find out what the plugin waits for, or raise plugin_timeout (half a second is added to it for each published port)${details}`;
    case "no-network":
      if (msg.includes("; skipped ")) return "correct the files that were skipped";
      return "put a network list there, such as config/net.d/10-docker-cni.conflist, or correct cni_conf_dir";
    default:
      return `see the network's file and the plugin's documentation${details}`;
  }
}

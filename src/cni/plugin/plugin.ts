import type { GcArgs } from "../cni.ts";
import type { Result } from "../result.ts";
import type { CmdArgs } from "./cmd-args.ts";

/**
 * A CNI plugin: a function for each verb. What one throws is the plugin's answer: a CniError with its `code`, `msg` and
 * `details`, any other error with code 999. A verb without a function succeeds.
 */
export interface Plugin {
  /** Printed to stderr, with the versions, when the plugin is started without CNI_COMMAND: `CNI plugin lan 1.2.0`. */
  about?: string;
  /** The versions of the specification that the plugin speaks, of those in `supportedVersions`; default all of them. */
  versions?: readonly string[];
  /** Returns the result in any version; it is checked and converted to the network's. */
  add: (args: CmdArgs) => Result | Promise<Result>;
  /** Throws when the attachment is not as ADD left it. From 0.4.0 on. */
  check?: (args: CmdArgs) => void | Promise<void>;
  /** Succeeds for what is already gone. */
  del: (args: CmdArgs) => void | Promise<void>;
  /** Deletes what belongs to other attachments than the valid ones. From 1.1.0 on. */
  gc?: (args: CmdArgs & GcArgs) => void | Promise<void>;
  /** Throws a CniError of code 50 or 51 when ADD cannot be served. From 1.1.0 on. */
  status?: (args: CmdArgs) => void | Promise<void>;
}

import type { Change } from "./diff.ts";
import type { SetupHost } from "./host.ts";
import type { SetupPaths } from "./paths.ts";

/** What an installation or its removal did, or would do. */
export interface SetupOutcome {
  file: string;
  /** All files that changed or are made, for a diff. */
  changes: Change[];
  /** What is done besides: links, units. */
  done: string[];
  /** Whether the engine has read it. */
  reloaded: boolean;
  /** What the operator should know. */
  warnings: string[];
}

/** Where it happens. */
export interface Setup {
  paths: SetupPaths;
  host: SetupHost;
}

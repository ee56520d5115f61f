import { existsSync, realpathSync } from "node:fs";
import type { SetupPaths } from "../setup/paths.ts";

/** The launcher by the name that stays when it is upgraded. */
export function launcherPath(
  launcher: string,
  { launchers }: Pick<SetupPaths, "launchers">,
): string {
  const real = realpathSync(launcher);
  return launchers.find((path) => existsSync(path) && realpathSync(path) === real) ?? real;
}

import { broken, byHand, fine, type Finding, ownCommand, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether the configuration can be read and used. */
export function configFile({ host, configFile: file, configError }: Subject): Finding {
  const title = "configuration";
  if (configError !== undefined) {
    const line = /:(\d+): /.exec(configError)?.[1] ?? "1";
    return broken(title, configError, byHand(`sensible-editor +${line} ${file}`));
  }
  const found = host.stat(file);
  if (found === undefined) return fine(title, `${file} is not there: the defaults`);
  if ((found.mode & 0o022) !== 0) {
    const detail = `others than root can write ${file}, and with it choose what runs as root`;
    return broken(title, detail, ownCommand("chmod", "go-w", file));
  }
  return fine(title, file);
}

/** What the configuration says to no effect. */
export function configWarnings({ config, configFile: file }: Subject): Finding[] {
  return config.warnings.map((text) =>
    warning("configuration", text, byHand(`sensible-editor ${file}`)),
  );
}

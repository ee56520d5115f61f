import { readDockerContainer } from "../engine/docker-container.ts";
import { namesOf } from "../names/hosts-file.ts";
import type { SandboxRecord } from "../state/record.ts";

/** The record of a container that Docker calls otherwise than when it was started, with the names of now. */
export function renamed(record: SandboxRecord, containerDir: string): SandboxRecord {
  const { name = record.name, hostname, domainname } = readDockerContainer(containerDir);
  if (name === undefined || name === record.name) return record;
  return { ...record, name, names: namesOf({ hostname, domainname, name }) };
}

import { existsSync } from "node:fs";
import { readDockerContainer } from "../engine/docker-container.ts";
import type { SandboxRecord } from "../state/record.ts";

/** The engine's name of now for the container, where its folder is there, else that of its start. */
export function nameOfNow({
  containerDir,
  name,
}: Pick<SandboxRecord, "containerDir" | "name">): string | undefined {
  if (containerDir === undefined || !existsSync(containerDir)) return name;
  return readDockerContainer(containerDir).name ?? name;
}

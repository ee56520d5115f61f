/** npm run build: dist/docker-cni for this machine, and beside it cni/docker-cni-bridge, as an installation has it. */
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { buildExecutable } from "./executable.ts";

buildExecutable(join(import.meta.dirname, "../dist/docker-cni"));
const plugins = join(import.meta.dirname, "../cni");
mkdirSync(plugins, { recursive: true });
rmSync(join(plugins, "docker-cni-bridge"), { force: true });
symlinkSync("../dist/docker-cni", join(plugins, "docker-cni-bridge"));

/** npm run build: dist/docker-cni for this machine. */
import { join } from "node:path";
import { buildExecutable } from "./executable.ts";

buildExecutable(join(import.meta.dirname, "../dist/docker-cni"));

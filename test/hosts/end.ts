import { takeDownLab } from "./take-down.ts";

/** `node test/hosts/end.ts FOLDER …`: takes down the laboratories of these folders. */
for (const dir of process.argv.slice(2)) await takeDownLab(dir);

import { takeDown } from "./harness/takedown.ts";

/** `node test/e2e/takedown.ts FOLDER …`: takes down the private Docker hosts that live in these folders. */
for (const dir of process.argv.slice(2)) await takeDown(dir);

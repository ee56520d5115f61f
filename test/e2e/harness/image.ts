import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dockerArgv, dockerEnv } from "./cli.ts";
import type { Place } from "./place.ts";
import { must, run } from "./shell.ts";

/** Makes the image `busybox` from the machine's own busybox, with an applet for each of its names. */
export async function importBusybox(place: Place): Promise<void> {
  const root = join(place.dir, "busybox");
  for (const folder of ["bin", "etc", "proc", "sys", "dev", "tmp", "root", "var"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const busybox = (await must(["sh", "-c", "command -v busybox"])).trim();
  cpSync(busybox, join(root, "bin/busybox"), { dereference: true });
  for (const library of await sharedLibraries(busybox)) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    cpSync(library, join(root, library), { dereference: true });
  }
  for (const applet of (await must([busybox, "--list"])).split("\n")) {
    if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
  }
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/tmp:/bin/sh\n",
  );
  writeFileSync(join(root, "etc/group"), "root:x:0:\nguest:x:1000:\n");
  const tar = join(place.dir, "busybox.tar");
  await must(["tar", "-C", root, "-cf", tar, "."]);
  const change = ["--change", 'CMD ["sh"]', "--change", "ENV PATH=/bin"];
  await must([...dockerArgv(place), "import", ...change, tar, "busybox:latest"], {
    env: dockerEnv(place),
  });
  rmSync(root, { recursive: true });
  rmSync(tar);
}

/** The libraries that a program needs; none for a static one, of which ldd says so with an exit code. */
async function sharedLibraries(program: string): Promise<string[]> {
  const { stdout, exitCode } = await run(["ldd", program]);
  return exitCode === 0 ? [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "") : [];
}

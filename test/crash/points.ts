import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Place } from "./place.ts";
import type { Scenario } from "./scenarios.ts";

/** One interruption: the `when`th call of `syscall` by any thread of `target`, killed or failing. */
export interface Point {
  scenario: string;
  target: string;
  syscall: string;
  when: number;
  /** `signal=KILL`, `error=ENOSPC` … as strace's inject has it. */
  fault: string;
}

/** Calls that change something outside of the process, or make a process, and its end. */
const CHANGING =
  "mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,symlink,symlinkat,link,linkat,chmod,fchmod,utimensat,ftruncate,openat,write,pwrite64,fsync,fdatasync,flock,mount,umount2,unshare,setns,sendto,sendmsg,clone,clone3,vfork,kill,exit_group";

/** Calls that a full disk (ENOSPC) or a broken one (EIO) may refuse. */
const REFUSABLE = new Map([
  ["ENOSPC", ["mkdir", "openat", "fsync", "rename", "symlink", "utimensat"]],
  ["EIO", ["openat", "fsync", "rename", "unlink", "rmdir", "symlink"]],
]);

/**
 * What strace follows: of the program and the hook all threads and subshells, but no other program (each is a target of
 * its own); of plugins the main thread, which does their work.
 */
function scope(target: string): string {
  return target === "program" || target === "hook" ? "-f -b execve" : "";
}

/** Has the next run of `target` traced into a file. */
export function armTrace(place: Place, target: string): void {
  const file = join(place.dir, "trace");
  rmSync(file, { force: true });
  writeFileSync(
    place.control,
    `${target}\n${scope(target)} -qq -y -o ${file} -e trace=${CHANGING}\n`,
  );
}

/** Has the next run of the point's target interrupted there. */
export function armFault(place: Place, { target, syscall, when, fault }: Point): void {
  const inject = `-e trace=${syscall} -e inject=${syscall}:${fault}:when=${when}`;
  writeFileSync(place.control, `${target}\n${scope(target)} -qq -o /dev/null ${inject}\n`);
}

export function disarm(place: Place): void {
  writeFileSync(place.control, "");
}

/** The points of the trace that `armTrace` had made. */
export function readPoints(place: Place, scenario: Scenario, target: string): Point[] {
  const file = join(place.dir, "trace");
  if (!existsSync(file)) return [];
  const seen = new Map<string, Map<string, number>>();
  const found = new Map<string, { syscall: string; when: number }>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [, pid = "", syscall] = /^(?:(\d+) +)?(\w+)\(/.exec(line) ?? [];
    if (syscall === undefined) continue;
    const counts = seen.get(pid) ?? new Map<string, number>();
    seen.set(pid, counts);
    const when = (counts.get(syscall) ?? 0) + 1;
    counts.set(syscall, when);
    if (syscall === "openat" && !/O_CREAT|O_WRONLY|O_RDWR|O_TRUNC/.test(line)) continue;
    // A wake-up of another thread changes nothing.
    if (syscall === "write" && /<(anon_inode|pipe|socket):/.test(line)) continue;
    found.set(`${syscall} ${when}`, { syscall, when });
  }
  return [...found.values()].flatMap(({ syscall, when }) =>
    faultsOf(target, syscall).map((fault) => {
      return { scenario: scenario.name, target, syscall, when, fault };
    }),
  );
}

function faultsOf(target: string, syscall: string): string[] {
  const refusals = [...REFUSABLE].filter(
    ([, calls]) => target === "program" && calls.includes(syscall),
  );
  return ["signal=KILL", ...refusals.map(([errno]) => `error=${errno}`)];
}

/** For messages. */
export function describePoint({ scenario, target, syscall, when, fault }: Point): string {
  return `${scenario}: ${target}, ${syscall} ${when}, ${fault}`;
}

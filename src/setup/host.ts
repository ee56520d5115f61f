import { readFileSync } from "node:fs";
import { execa } from "execa";
import { engineApi, type EngineApi, engineAt } from "../dockerd/api.ts";
import { errnoOf } from "../lib/errors.ts";

/** What a command gave. */
export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A host's effects besides its files. */
export interface SetupHost {
  now: () => Date;
  pause: (ms: number) => Promise<void>;
  /** Runs a command to its end; undefined when there is no such command. */
  run: (command: string, args: readonly string[]) => Promise<Ran | undefined>;
  /** The words of a process's command line; undefined when there is no such process. */
  commandLine: (pid: number) => string[] | undefined;
  /** Sends SIGHUP. */
  hangUp: (pid: number) => void;
  /**
   * The engine that Docker's client would talk to when it is told of one, else the one at `socket` (`unix://…`), else the default.
   * Throws NO_ENGINE for one on another host.
   */
  engine: (socket?: string) => EngineApi;
}

const TIMEOUT_MS = 60_000;

/** The host that this program runs on; `env` is that of Docker's client. */
export function realHost(env: NodeJS.ProcessEnv): SetupHost {
  return {
    now: () => new Date(),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    run: async (command, args) => {
      const result = await execa(command, args, {
        reject: false,
        stdin: "ignore",
        timeout: TIMEOUT_MS,
      });
      if (result.code === "ENOENT") return undefined;
      const { exitCode = 1, stdout, stderr } = result;
      return { exitCode, stdout, stderr };
    },
    commandLine: (pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
      } catch (error) {
        if (["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "")) return undefined;
        throw error;
      }
    },
    hangUp: (pid) => void process.kill(pid, "SIGHUP"),
    engine: (socket) =>
      socket === undefined || env["DOCKER_HOST"] || env["DOCKER_CONTEXT"]
        ? engineApi(env)
        : engineAt({ host: socket, source: "Docker's daemon.json" }),
  };
}

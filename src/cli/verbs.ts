import type { Command } from "commander";
import type { OperatorCall } from "./cli.ts";

/** The headings of the help, in its order. */
export type VerbGroup = "Commands" | "Diagnosis" | "Setup";

/** A command for people. The help, the completion, the man page and the launcher's test read them from here. */
export interface Verb {
  name: string;
  group: VerbGroup;
  /** One line for the help, as Docker's client words its own. */
  summary: string;
  /**
   * What it begins with: `state`: the configuration, beside an engine in a mount namespace of its own; `configuration`: an error
   * where that is broken; `nothing`: the defaults, and `loadConfig` for what it asks for by itself.
   */
  needs: "state" | "configuration" | "nothing";
  /** The low-level runtime has this word too: it is ours only as `docker cni NAME` and `docker-cni cni NAME`. */
  sharedWord?: true;
  /** Its module, which nobody else loads. */
  load: () => Promise<(call: OperatorCall) => Command>;
}

/** Every command for people, by group, in the order of the help. */
export const verbs: readonly Verb[] = [
  {
    name: "ls",
    group: "Commands",
    summary: "List containers and their networks",
    needs: "state",
    load: async () => (await import("./ls.ts")).lsCommand,
  },
  {
    name: "inspect",
    group: "Commands",
    summary: "Show a container's networks in detail, or why it has none",
    needs: "state",
    load: async () => (await import("./inspect.ts")).inspectCommand,
  },
  {
    name: "exec",
    group: "Commands",
    summary: "Run a command of the host in a container's network namespace",
    needs: "state",
    sharedWord: true,
    load: async () => (await import("./exec.ts")).execCommand,
  },
  {
    name: "logs",
    group: "Commands",
    summary: "Show docker-cni's log, or that of one container",
    needs: "state",
    load: async () => (await import("./logs.ts")).logsCommand,
  },
  {
    name: "events",
    group: "Commands",
    summary: "Follow what happens to the networks of containers",
    needs: "configuration",
    sharedWord: true,
    load: async () => (await import("./events.ts")).eventsCommand,
  },
  {
    name: "graph",
    group: "Commands",
    summary: "Draw who is on which network",
    needs: "state",
    load: async () => (await import("./graph.ts")).graphCommand,
  },
  {
    name: "connect",
    group: "Commands",
    summary: "Connect a container to a network",
    needs: "state",
    load: async () => (await import("./connect.ts")).connectCommand,
  },
  {
    name: "disconnect",
    group: "Commands",
    summary: "Disconnect a container from a network",
    needs: "state",
    load: async () => (await import("./disconnect.ts")).disconnectCommand,
  },
  {
    name: "publish",
    group: "Commands",
    summary: "Publish ports of a container",
    needs: "state",
    load: async () => (await import("./publish.ts")).publishCommand,
  },
  {
    name: "unpublish",
    group: "Commands",
    summary: "Take back ports of a container that are published",
    needs: "state",
    load: async () => (await import("./publish.ts")).unpublishCommand,
  },
  {
    name: "reservations",
    group: "Commands",
    summary: "List networks that wait for the next container of their name",
    needs: "state",
    load: async () => (await import("./reservations.ts")).reservationsCommand,
  },
  {
    name: "release",
    group: "Commands",
    summary: "Give up what is reserved for a name",
    needs: "state",
    load: async () => (await import("./reservations.ts")).releaseCommand,
  },
  {
    name: "network",
    group: "Commands",
    summary: "Create networks, list and remove them",
    needs: "state",
    load: async () => (await import("./network.ts")).networkCommand,
  },
  {
    name: "doctor",
    group: "Diagnosis",
    summary: "Find out what is wrong with this host's networks, and fix it",
    needs: "nothing",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  {
    name: "check",
    group: "Diagnosis",
    summary: "Find out whether networks are as they were made",
    needs: "state",
    load: async () => (await import("./check.ts")).checkCommand,
  },
  {
    name: "heal",
    group: "Diagnosis",
    summary: "Build again what check finds broken, with the same addresses",
    needs: "state",
    load: async () => (await import("./check.ts")).healCommand,
  },
  {
    name: "gc",
    group: "Diagnosis",
    summary: "Release the networks of containers that are gone",
    needs: "state",
    load: async () => (await import("./gc.ts")).gcCommand,
  },
  {
    name: "metrics",
    group: "Diagnosis",
    summary: "Print metrics for Prometheus",
    needs: "state",
    load: async () => (await import("./metrics.ts")).metricsCommand,
  },
  {
    name: "trace",
    group: "Diagnosis",
    summary: "Show where the time of a container's last create and delete went",
    needs: "state",
    load: async () => (await import("./trace.ts")).traceCommand,
  },
  {
    name: "test",
    group: "Diagnosis",
    summary: "Try out networks in namespaces of their own, without a container",
    needs: "state",
    load: async () => (await import("./test.ts")).testCommand,
  },
  {
    name: "plan",
    group: "Diagnosis",
    summary: "Show what the start of a container would do to its network",
    needs: "state",
    load: async () => (await import("./plan.ts")).planCommand,
  },
  {
    name: "install",
    group: "Setup",
    summary: "Register docker-cni with Docker, and make what it needs",
    needs: "nothing",
    load: async () => (await import("./install.ts")).installCommand,
  },
  {
    name: "uninstall",
    group: "Setup",
    summary: "Take back what install did",
    needs: "nothing",
    load: async () => (await import("./uninstall.ts")).uninstallCommand,
  },
  {
    name: "completion",
    group: "Setup",
    summary: "Print what bash, zsh or fish needs to complete docker-cni",
    needs: "nothing",
    load: async () => (await import("./completion-scripts.ts")).completionCommand,
  },
  {
    name: "version",
    group: "Setup",
    summary: "Show the versions of docker-cni and of what it works with",
    needs: "nothing",
    load: async () => (await import("./version.ts")).versionCommand,
  },
];

/** The calls that Docker's client and the shells' completion make; see src/cli/plugin.ts and src/cli/completion.ts. */
export const protocolWords = [
  "docker-cli-plugin-metadata",
  "__complete",
  "__completeNoDesc",
] as const;

/** The command called `word`; undefined when there is none. */
export function findVerb(word: string | undefined): Verb | undefined {
  return verbs.find(({ name }) => name === word);
}

import { waitFor } from "../e2e/harness/shell.ts";
import type { LabHost } from "./lab-host.ts";

/** What a container of the laboratory is started with. */
export interface ContainerOptions {
  name: string;
  network: string;
  /** A fixed address. */
  ip?: string;
  /** More options of `docker run`. */
  more?: readonly string[];
}

const SERVE =
  "mkdir /tmp/www; hostname >/tmp/www/name; dd if=/dev/zero of=/tmp/www/large bs=1M count=4 2>/dev/null; exec httpd -f -p 80 -h /tmp/www";

/** Starts a container with a web server, which tells its name; gives its address. */
export async function serve(host: LabHost, options: ContainerOptions): Promise<string> {
  const { name, network, ip, more = [] } = options;
  const labels = ["--label", `cni.networks=${network}`];
  if (ip !== undefined) labels.push("--label", `cni.ip=${ip}`);
  const cni = ["--runtime", "cni", "--network", "none", "--stop-signal", "KILL", ...labels];
  const run = ["docker", "run", "-d", "--name", name, "--hostname", name, ...cni, ...more];
  await host.ok(...run, "busybox", "sh", "-c", SERVE);
  return addressOf(host, name);
}

/** The address of a running container. */
export async function addressOf(host: LabHost, name: string): Promise<string> {
  const shown = await host.ok("docker", "exec", name, "ip", "-4", "address", "show", "eth0");
  const address = /inet ([\d.]+)\//.exec(shown)?.[1];
  if (address === undefined) throw new Error(`${name} on ${host.name} has no address: ${shown}`);
  return address;
}

/** Waits until a command in a container succeeds; gives what it prints. Rejects with its last words. */
export async function eventually(
  host: LabHost,
  command: readonly string[],
  timeout = 15_000,
): Promise<string> {
  let last = "";
  try {
    return await waitFor(
      command.join(" "),
      async () => {
        const { exitCode, stdout, stderr } = await host.run(command);
        last = stderr || stdout;
        return exitCode === 0 ? stdout.trimEnd() : undefined;
      },
      timeout,
    );
  } catch (error) {
    throw new Error(`on ${host.name}: ${command.join(" ")}: ${last}`, { cause: error });
  }
}

/** A command in a container that asks a web server for a file. */
export function fetch(name: string, url: string, seconds = 2): string[] {
  // Some busybox crash with wget's own time-out.
  return ["docker", "exec", name, "timeout", String(seconds), "wget", "-q", "-O", "-", url];
}

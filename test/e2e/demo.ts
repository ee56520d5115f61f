import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { dockerArgv, socketPath } from "./harness/cli.ts";
import type { Spec } from "./harness/commands.ts";
import { startDockerHost, type DockerHost } from "./harness/host.ts";
import { expectNoLeaks, snapshot } from "./harness/leaks.ts";
import { keptHosts, type Place } from "./harness/place.ts";
import { run } from "./harness/shell.ts";
import { takeDown } from "./harness/takedown.ts";
import { netnsName } from "./harness/traces.ts";

const USAGE = `npm run demo              shows docker-cni at work on a dockerd of its own, and takes it down
npm run demo -- --keep    leaves it running to play with
npm run demo -- --down    takes down what --keep left`;

const CNI = ["--runtime=cni", "--net=none"];

/** Shows what docker-cni does, step by step; rejects when something is not as it says. */
async function demo(host: DockerHost): Promise<void> {
  const { place } = host;
  const before = await snapshot(place);
  say(
    "A private dockerd is running. docker-cni is a runtime in its daemon.json, and this is the CNI network:",
  );
  await show(place, "grep", "-A10", '"runtimes"', join(place.dir, "daemon.json"));
  await show(place, "cat", join(place.dir, "net.d/10-default.conflist"));

  say("A container of this runtime has an interface with an address of that network:");
  const serve = "echo hello from one > /tmp/index.html; exec httpd -f -h /tmp";
  await show(place, "docker", "run", "-d", "--name=one", ...CNI, "busybox", "sh", "-c", serve);
  await show(place, "docker", "exec", "one", "ip", "address", "show", "eth0");
  await show(place, "docker", "exec", "one", "ip", "route");
  const { Id: id } = await host.inspect("one");
  const { address, mac } = await host.interface(id);

  say("Its network namespace is known on the host by the container's short id:");
  await show(place, "ip", "netns", "exec", netnsName(id), "ip", "-brief", "address");

  say(
    "That namespace, and the hook that undoes it all, are in the OCI config that runc was given:",
  );
  const spec: Spec = JSON.parse(readFileSync(host.specPath(id), "utf8"));
  const network = spec.linux.namespaces.find((namespace) => namespace.type === "network");
  print(JSON.stringify({ network, poststop: spec.hooks?.poststop }, null, 2));
  if (network?.path !== host.netns(id)) throw new Error(`the netns is not ${host.netns(id)}`);

  say("Two containers reach each other:");
  await show(place, "docker", "run", "-d", "--name=two", ...CNI, "busybox", "sleep", "3600");
  await show(place, "docker", "exec", "two", "ping", "-c", "2", address);
  await show(place, "docker", "exec", "two", "wget", "-q", "-O", "-", `http://${address}/`);

  say(`A restart keeps the address, ${address} at ${mac}:`);
  await show(place, "docker", "restart", "-t", "0", "one");
  await show(place, "docker", "exec", "one", "ip", "address", "show", "eth0");
  const after = await host.interface(id);
  if (after.address !== address || after.mac !== mac) throw new Error("the address has changed");

  say("Removal leaves nothing behind:");
  await show(place, "docker", "rm", "-f", "one", "two");
  await expectNoLeaks(place, before);
  print(
    "no netns, mount, veth, address lease, iptables rule, state file or process is left of them",
  );
}

/** Shows a command as one would type it, runs it (docker on the private host) and shows what it prints. */
async function show(place: Place, ...argv: string[]): Promise<void> {
  const typed = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(" ");
  print(process.stdout.isTTY ? `\u001B[1m$ ${typed}\u001B[0m` : `$ ${typed}`);
  const [program = "", ...args] = argv;
  const command = program === "docker" ? [...dockerArgv(place), ...args] : argv;
  const { stdout, stderr, exitCode } = await run(command);
  for (const text of [stdout, stderr]) if (text !== "") print(text);
  if (exitCode !== 0) throw new Error(`${program} failed with exit code ${exitCode}`);
}

function say(text: string): void {
  print(`\n# ${text}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function explainKeep({ dir }: Place): string {
  return `The private Docker host lives on in ${dir}. To play with it:

  export DOCKER_HOST=unix://${join(dir, "docker.sock")}
  docker run -it --rm ${CNI.join(" ")} busybox
  ls ${join(dir, "net.d")}    # its CNI networks
  tail -f ${join(dir, "docker-cni.log")}

To take it down: npm run demo -- --down`;
}

const { values: options } = parseArgs({
  options: { keep: { type: "boolean" }, down: { type: "boolean" }, help: { type: "boolean" } },
});
if (options.help === true) {
  print(USAGE);
} else if (options.down === true) {
  const hosts = keptHosts();
  for (const dir of hosts) await takeDown(dir);
  print(hosts.length === 0 ? "Nothing was kept." : `Taken down: ${hosts.join(" ")}`);
} else {
  await main(options.keep === true);
}

async function main(keep: boolean): Promise<void> {
  const running: { host?: DockerHost } = {};
  let interrupted = false;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (interrupted) return;
      interrupted = true;
      print("\nInterrupted: taking everything down …");
      // A host that is still starting is taken down by its guardian, which this process's end wakes.
      void Promise.resolve(running.host?.stop()).finally(() => process.exit(130));
    });
  }
  const host = await startDockerHost();
  running.host = host;
  say(`export DOCKER_HOST=unix://${socketPath(host.place)}`);
  try {
    await demo(host);
    if (keep) {
      host.keep();
      say(explainKeep(host.place));
      return;
    }
  } catch (error) {
    if (!interrupted) await reportFailure(host.place, error);
  }
  await host.stop();
  if (!interrupted) say("The private dockerd and all that belongs to it are taken down.");
}

async function reportFailure(place: Place, error: unknown): Promise<void> {
  process.exitCode = 1;
  print(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  print((await run(["tail", "-n", "20", join(place.dir, "docker-cni.log")])).stdout);
}

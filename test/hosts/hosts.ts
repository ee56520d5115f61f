import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { CHECKS } from "./checks.ts";
import { FABRICS, OUTSIDE_PACKAGES, whySkipped } from "./fabrics.ts";
import { measure } from "./measure.ts";
import { type Lab, startLab } from "./lab.ts";
import { labHost } from "./lab-host.ts";
import { installMissing } from "./packages.ts";
import { followPage } from "./page.ts";
import { labsOfCheckout } from "./place.ts";
import { takeDownLab } from "./take-down.ts";
import { type Outcome, tryFabric } from "./trial.ts";

const USAGE = `npm run hosts -- up [--hosts 3] [--with FABRIC]   starts hosts in namespaces, with a network over all of them
npm run hosts -- sh HOST [COMMAND...]             a shell in one of them, or a command
npm run hosts -- down                             takes down what runs, and what a killed one has left
npm run hosts -- test [--hosts 3] [--with FABRIC] tries all fabrics, or one, and prints a table

Fabrics: ${[...Object.keys(FABRICS), ...Object.keys(OUTSIDE_PACKAGES)].join(", ")}
HOSTS_BIN=FOLDER has the programs that are in no package.`;

const args = process.argv.slice(2);
// What follows HOST is a command with options of its own.
const { values: options, positionals } = parseArgs({
  args: args[0] === "sh" ? ["--", ...args] : args,
  allowPositionals: true,
  options: {
    hosts: { type: "string", default: "3" },
    with: { type: "string" },
    help: { type: "boolean" },
  },
});
const [verb, ...rest] = positionals;
const count = Number(options.hosts);

if (options.help === true || !(Number.isInteger(count) && count >= 2 && count <= 8)) usage();
else if (verb === "up") await up();
else if (verb === "down") await down();
else if (verb === "sh" && rest.length > 0) await shell(rest);
else if (verb === "test") await test();
else usage();

function usage(): void {
  print(USAGE);
  process.exitCode = options.help === true ? 0 : 2;
}

async function up(): Promise<void> {
  await down();
  const { with: name } = options;
  const fabric = name === undefined ? undefined : FABRICS[name];
  if (name !== undefined && fabric === undefined) {
    print(`${name} is left out: ${whySkipped(name)}`);
    process.exitCode = 2;
    return;
  }
  const packages = fabric?.packages ?? [];
  await installMissing(packages, print);
  const lab = await startLab({ count, packages });
  try {
    if (fabric !== undefined) await followPage(fabric, lab.hosts);
  } catch (error) {
    await lab.stop();
    throw error;
  }
  lab.keep();
  for (const { name: host, address } of lab.hosts) print(`${host}  ${address}`);
  print("A shell in one of them: npm run hosts -- sh a. To take all down: npm run hosts -- down");
}

async function down(): Promise<void> {
  for (const { dir } of labsOfCheckout()) {
    await takeDownLab(dir);
    print(`taken down: ${dir}`);
  }
}

async function shell([name = "", ...command]: readonly string[]): Promise<void> {
  const place = labsOfCheckout().find(({ hosts }) => hosts.includes(name));
  if (place === undefined) {
    print(`no host ${name} runs: npm run hosts -- up`);
    process.exitCode = 2;
    return;
  }
  const host = labHost(place, name);
  const [file = "", ...words] = host.argv(...(command.length > 0 ? command : ["bash", "--norc"]));
  const child = spawn(file, words, {
    stdio: "inherit",
    env: { ...host.env, PS1: `${name}# ` },
  });
  process.exitCode = await new Promise((resolve) =>
    child.once("exit", (code) => resolve(code ?? 1)),
  );
}

async function test(): Promise<void> {
  const { with: only } = options;
  const names = only === undefined ? Object.keys({ ...FABRICS, ...OUTSIDE_PACKAGES }) : [only];
  const rows: string[][] = [["FABRIC", ...Object.keys(CHECKS).map((name) => name.toUpperCase())]];
  const figures: string[][] = [];
  for (const name of names) {
    const fabric = FABRICS[name];
    if (fabric === undefined) {
      rows.push([name, `skipped: ${whySkipped(name)}`]);
      continue;
    }
    await installMissing([...fabric.packages, "iperf3"], print);
    const lab = await startLab({ count, packages: fabric.packages });
    const onSignal = () => void lab.stop().finally(() => process.exit(130));
    process.once("SIGINT", onSignal);
    process.once("SIGTERM", onSignal);
    try {
      const outcomes = await tryFabric(fabric, lab);
      rows.push([name, ...outcomes.map(({ word }) => word)]);
      for (const each of outcomes) tell(name, each);
      figures.push([name, ...(await figuresOf(fabric.network, lab))]);
    } catch (error) {
      tell(name, { check: "set-up", word: "failed", error });
      if (rows.at(-1)?.[0] !== name) rows.push([name, "failed"]);
    } finally {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
      await lab.stop();
    }
  }
  print("");
  printTable(rows);
  print("\nAcross hosts, against the bare path between the hosts in the same run:\n");
  printTable([["FABRIC", "THROUGHPUT", "LATENCY"], ...figures]);
}

async function figuresOf(network: string, lab: Lab): Promise<string[]> {
  const { throughput, latency } = await measure(network, lab.hosts);
  return [throughput, latency].map((ratio) => `${ratio.toFixed(2)} x`);
}

function tell(fabric: string, { check, error }: Outcome): void {
  if (error === undefined) return;
  process.exitCode = 1;
  print(`${fabric}, ${check}: ${error instanceof Error ? error.message : "it failed"}`);
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows.filter(({ length }) => length > 2))
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
  for (const row of rows) {
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

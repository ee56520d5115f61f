/** The man pages: docker-cni(1) from the commands as their help has them, cni.yaml(5) from docs/configuration.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { OperatorCall } from "../src/cli/cli.ts";
import { EXIT_STATUS } from "../src/cli/program.ts";
import { verbs } from "../src/cli/verbs.ts";
import { troffOf, word } from "./troff.ts";

const root = join(import.meta.dirname, "..");

/** docker-cni(1). */
export async function commandsPage(version: string): Promise<string> {
  const sections = await Promise.all(
    verbs.map(async ({ name, summary, sharedWord, load }) => {
      // A command is not run: what it would work with is not looked at.
      const nobody: OperatorCall = Object({});
      const command = (await load())(nobody);
      const caller = sharedWord ? "docker cni" : "docker-cni";
      return [
        sectionOf(command, { caller, name, text: command.description() || summary }),
        ...command.commands.map((inner) =>
          sectionOf(inner, { caller, name: `${name} ${inner.name()}`, text: inner.description() }),
        ),
      ].join("\n");
    }),
  );
  return [
    header({ name: "docker-cni", section: 1, version, title: "CNI networks for Docker" }),
    ".SH NAME",
    "docker-cni \\- CNI networks for plain Docker containers",
    ".SH SYNOPSIS",
    ".B docker cni",
    "[\\-\\-config FILE] COMMAND",
    ".br",
    ".B docker-cni",
    "[\\-\\-config FILE] COMMAND",
    ".br",
    ".B docker-cni",
    "[\\-\\-config FILE] [\\-\\-runtime\\-path FILE] [\\-\\-] RUNC-ARGUMENTS",
    ".SH DESCRIPTION",
    troffOf(describing()),
    ".SH COMMANDS",
    ...sections,
    ".SH EXIT STATUS",
    ...[...EXIT_STATUS.matchAll(/^ +(\d) +(.*)$/gm)].flatMap(([, status = "", text = ""]) => [
      ".TP",
      `.B ${status}`,
      word(text),
    ]),
    ".SH FILES",
    ...FILES.flatMap(([path, text]) => [".TP", `.I ${word(path)}`, word(text)]),
    ".SH SEE ALSO",
    ".BR cni.yaml (5),",
    ".BR docker (1),",
    ".BR runc (8)",
    "",
  ].join("\n");
}

interface Section {
  caller: string;
  /** The words that it is called by. */
  name: string;
  text: string;
}

function sectionOf(command: Command, { caller, name, text }: Section): string {
  return [
    `.SS ${name}`,
    `.B ${caller} ${word(`${name} ${command.usage()}`)}`,
    ".PP",
    `${word(text)}.`,
    ...optionsOf(command),
  ].join("\n");
}

/** cni.yaml(5). */
export function configurationPage(version: string): string {
  const text = readFileSync(join(root, "docs/configuration.md"), "utf8");
  return [
    header({ name: "cni.yaml", section: 5, version, title: "Configuration of docker-cni" }),
    ".SH NAME",
    "cni.yaml \\- configuration of docker\\-cni",
    ".SH DESCRIPTION",
    troffOf(text.replace(/^# .*\n/, "")),
    ".SH SEE ALSO",
    ".BR docker-cni (1)",
    "",
  ].join("\n");
}

const FILES: readonly [path: string, text: string][] = [
  ["/etc/docker/cni.yaml", "The configuration, see cni.yaml(5)."],
  ["/etc/cni/net.d", "The networks."],
  ["/var/lib/docker-cni", "What is remembered of containers and their networks."],
  ["/var/log/docker-cni.log", "The log."],
];

interface Header {
  name: string;
  section: number;
  version: string;
  title: string;
}

function header({ name, section, version, title }: Header): string {
  return `.TH "${name.toUpperCase()}" "${section}" "" "docker\\-cni ${version}" "${title}"\n.nh\n.ad l`;
}

/** What docs/commands.md says before the commands. */
function describing(): string {
  const [text = ""] = readFileSync(join(root, "docs/commands.md"), "utf8").split("```console");
  return text.replace(/^# .*\n/, "");
}

function optionsOf(command: Command): string[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ flags, description }) => [".TP", `.B ${word(flags)}`, word(description)]);
}

import type { Argument, Command, Option } from "commander";
import { loadAllNetworkLists } from "../cni/index.ts";
import { viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { programCommand } from "./program.ts";
import { printable } from "./terminal.ts";
import { findVerb } from "./verbs.ts";

/** What may stand at the place of the last word, in the protocol of cobra, by which Docker's client asks its plugins. */
interface Candidates {
  /** The words, each with its description; those that do not begin as the last word does are left out later. */
  words: (readonly [word: string, description?: string])[];
  /** Whether the shell offers files. */
  files?: boolean;
  /** What of the last word they begin with, when that is not all of it: the value of `--option=value`. */
  typed?: string;
}

/** ShellCompDirectiveDefault and ShellCompDirectiveNoFileComp of cobra (completions.go). */
const FILES = 0;
const NO_FILES = 4;

/**
 * What answers `__complete WORD… LAST`: what LAST may become, a line `word\tdescription` each (without the descriptions for
 * `__completeNoDesc`), then a line `:DIRECTIVE`. What cannot be read offers nothing.
 */
export async function completions(
  call: OperatorCall,
  words: readonly string[],
  descriptions: boolean,
): Promise<string[]> {
  const typedLast = words.at(-1) ?? "";
  const last = typedLast === "=" ? "" : typedLast;
  const found = await candidates(call, words.slice(0, -1), last);
  const lines = found.words
    .filter(
      ([word]) =>
        word.startsWith(found.typed ?? last) && printable(word) === word && !word.includes("\n"),
    )
    .map(([word, description]) =>
      descriptions && description ? `${word}\t${description.replaceAll("\n", " ")}` : word,
    );
  return [...lines, `:${found.files ? FILES : NO_FILES}`];
}

async function candidates(
  call: OperatorCall,
  before: readonly string[],
  last: string,
): Promise<Candidates> {
  const { plugin, runtimePath } = call.options;
  // bash splits --option=value into three words.
  const [word, ...more] = withoutOwnOptions(before.filter((each) => each !== "="));
  if (before.at(-1) === "--config") return { words: [], files: true };
  if (word === undefined || (word === "help" && more.length === 0)) {
    const { commands } = programCommand({ plugin, runtimePath });
    const verbs = commands
      .filter(
        (command) => plugin || findVerb(command.name())?.sharedWord !== true || word === "help",
      )
      .map((command) => [command.name(), command.description()] as const);
    return {
      words:
        word === undefined ? [...verbs, ["help", "Show this help, or that of a command"]] : verbs,
    };
  }
  const verb = findVerb(word);
  if (verb === undefined || word === "help") return { words: [] };
  const command = (await verb.load())(call);
  if (command.commands.length === 0) return ofVerb(call, { command, before: more, last });
  const [innerWord, ...rest] = more;
  if (innerWord === undefined) {
    return { words: command.commands.map((inner) => [inner.name(), inner.description()] as const) };
  }
  const inner = command.commands.find((each) => each.name() === innerWord);
  return inner === undefined ? { words: [] } : ofVerb(call, { command: inner, before: rest, last });
}

/** Docker's client leaves its own flags out; ours may stand in front of the verb. */
function withoutOwnOptions(words: readonly string[]): readonly string[] {
  const [first = ""] = words;
  if (first === "--config" || first === "-c") return withoutOwnOptions(words.slice(2));
  return first.startsWith("-") ? withoutOwnOptions(words.slice(1)) : words;
}

interface VerbWords {
  command: Command;
  before: readonly string[];
  last: string;
}

async function ofVerb(
  call: OperatorCall,
  { command, before, last }: VerbWords,
): Promise<Candidates> {
  const { options, registeredArguments } = command;
  const asking = options.find((option) => takesValue(option) && isCalled(option, before.at(-1)));
  if (asking !== undefined) return ofValue(call, asking.argChoices, asking.flags);
  const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(last) ?? [];
  if (name !== undefined) {
    const option = options.find((each) => takesValue(each) && isCalled(each, name));
    if (option === undefined) return { words: [] };
    return { ...(await ofValue(call, option.argChoices, option.flags)), typed: value ?? "" };
  }
  if (last.startsWith("-")) return { words: flagsOf(options) };
  const place = argumentsAmong(options, before).length;
  const argument = registeredArguments[place] ?? lastIfVariadic(registeredArguments);
  return argument === undefined
    ? { words: [] }
    : ofValue(call, argument.argChoices, argument.name());
}

function flagsOf(options: readonly Option[]): Candidates["words"] {
  const shown = options.filter(({ hidden }) => !hidden);
  return [
    ...shown.flatMap(({ long, description }) => (long ? [[long, description] as const] : [])),
    ["--help", "Show what the command does"],
  ];
}

/** What the value of an option or an argument may be, by what it is called. */
async function ofValue(
  call: OperatorCall,
  choices: readonly string[] | undefined,
  name: string,
): Promise<Candidates> {
  if (choices !== undefined) return { words: choices.map((choice) => [choice] as const) };
  if (/container/i.test(name)) return { words: await namesOrNone(() => containerNames(call)) };
  if (/network/i.test(name)) return { words: await namesOrNone(() => networkNames(call)) };
  return { words: [], files: /file|path|dir|folder|bundle/i.test(name) };
}

async function containerNames({ sandbox }: OperatorCall): Promise<Candidates["words"]> {
  const views = await viewSandboxes(sandbox);
  return views.map(({ name, id, state }) => [name ?? id, state] as const);
}

async function networkNames({ config }: OperatorCall): Promise<Candidates["words"]> {
  const { lists } = await loadAllNetworkLists(config.cniConfDir);
  return lists.map(
    ({ name, plugins }) => [name, plugins.map(({ type }) => type).join(", ")] as const,
  );
}

/** Who may not read the state is offered nothing; an error would be written into the line that is typed. */
async function namesOrNone(read: () => Promise<Candidates["words"]>): Promise<Candidates["words"]> {
  try {
    return await read();
  } catch {
    return [];
  }
}

function argumentsAmong(options: readonly Option[], words: readonly string[]): string[] {
  return words.filter((word, place) => {
    if (word.startsWith("-")) return false;
    const before = words[place - 1];
    return !options.some((option) => takesValue(option) && isCalled(option, before));
  });
}

function lastIfVariadic(registered: readonly Argument[]): Argument | undefined {
  const last = registered.at(-1);
  return last?.variadic === true ? last : undefined;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function isCalled({ long, short }: Option, word: string | undefined): boolean {
  return word !== undefined && (word === long || word === short);
}

/** Candidates for the word under the cursor, from the commands' own declarations and from what the store and experiment hold. */
import type { Completions } from "effect/cli";

type Command = Completions.CommandDescriptor;

/** Names to complete with, looked up only when the command line asks for them. */
export interface Names {
  readonly runs: () => ReadonlyArray<string>;
  /** Nodes of the latest run. */
  readonly nodes: () => ReadonlyArray<string>;
  /** Stages and nodes of an experiment; none where the file can't be compiled. */
  readonly nodesOf: (experiment: string) => ReadonlyArray<string>;
  /** Names that `use:` knows. */
  readonly stages: () => ReadonlyArray<string>;
  readonly experiments: () => ReadonlyArray<string>;
}

/** Asks the shell to complete file names. */
export const files = ":files";

/** `words` are those after `pipe`, the last of them under the cursor. */
export const candidates = (
  root: Command,
  words: ReadonlyArray<string>,
  names: Names,
): ReadonlyArray<string> => {
  const current = words.at(-1) ?? "";
  const { command, rest } = descend(root, words.slice(0, -1));
  const all = current.startsWith("-") ? flagNames(command) : valuesAt(command, rest, names);
  return all.filter((each) => each === files || each.startsWith(current));
};

/** The innermost subcommand that the words name, and the words after its name. */
const descend = (
  root: Command,
  words: ReadonlyArray<string>,
): { readonly command: Command; readonly rest: ReadonlyArray<string> } => {
  const [first, ...rest] = words;
  const found = root.subcommands.find(({ name }) => name === first);
  return found === undefined ? { command: root, rest: words } : descend(found, rest);
};

const flagNames = ({ flags }: Command): ReadonlyArray<string> => [
  ...flags.map(({ name }) => `--${name}`),
  "--help",
];

/** Values of the flag before the cursor, else of the next positional argument. */
const valuesAt = (
  command: Command,
  words: ReadonlyArray<string>,
  names: Names,
): ReadonlyArray<string> => {
  const flag = flagNamed(command, words.at(-1));
  const given = positionals(command, words);
  if (flag !== undefined && flag.type._tag !== "Boolean")
    return flag.type._tag === "Choice" ? flag.type.values : flagValues(flag.name, given, names);
  const argument =
    command.arguments[given.length] ?? command.arguments.findLast((each) => each.variadic);
  return [
    ...(given.length === 0 ? command.subcommands.map(({ name }) => name) : []),
    ...(argument === undefined ? [] : argumentValues(argument.name, given, names)),
  ];
};

const flagNamed = ({ flags }: Command, word: string | undefined) =>
  word?.startsWith("-") === true
    ? flags.find(({ name, aliases }) => [name, ...aliases].includes(word.replace(/^--?/u, "")))
    : undefined;

const positionals = (command: Command, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.filter((word, index) => {
    if (word.startsWith("-")) return false;
    const flag = flagNamed(command, words[index - 1]);
    return flag === undefined || flag.type._tag === "Boolean";
  });

const flagValues = (
  flag: string,
  [experiment = ""]: ReadonlyArray<string>,
  names: Names,
): ReadonlyArray<string> =>
  flag === "only" || flag === "force" ? names.nodesOf(experiment) : [files];

const argumentValues = (
  argument: string,
  given: ReadonlyArray<string>,
  names: Names,
): ReadonlyArray<string> => {
  switch (argument) {
    case "experiment":
      return [...names.experiments(), files];
    case "run":
    case "run-a":
    case "run-b":
      return [...names.runs(), "latest"];
    case "node":
    case "artifact":
      return given.length === 0 ? names.nodes() : names.nodesOf(given[0]!);
    case "stage":
      return names.stages();
    default:
      return [files];
  }
};

/** Finds files that a `command` seems to use and does not declare, and inputs that it declares and does not use. */
import path from "node:path";
import type { ParamsProblem } from "./Stage.ts";

interface Command {
  readonly run: string | ReadonlyArray<string>;
  readonly sources: ReadonlyArray<string>;
  readonly env: Readonly<Record<string, string>>;
}

/** Files that the command names and no source covers: an edit of them would rerun nothing. */
export const undeclaredFiles = (
  { run, sources, env }: Command,
  isFile: (path: string) => boolean,
): ReadonlyArray<ParamsProblem> => {
  const covers = (file: string) =>
    sources.map(normal).some((source) => source === "" || `${file}/`.startsWith(`${source}/`));
  const words = new Set([run, ...Object.values(env)].flat().flatMap(wordsOf));
  const named = new Set([...words].filter(isFile).map(normal));
  const files = [...named].filter((file) => !covers(file));
  if (files.length === 0) return [];
  const sourceList = [...sources, ...files].join(", ");
  return [
    {
      path: ["run"],
      message: `an edit of ${files.map((file) => `\`${file}\``).join(", ")} reruns nothing: not among \`sources\``,
      expected: `sources: [${sourceList}]`,
    },
  ];
};

/** Words that may be paths, of arguments and of scripts. Files that a script writes are not among them. */
const wordsOf = (text: string): ReadonlyArray<string> => {
  const files = [text];
  let directory = "";
  let before = "";
  for (const word of text.replaceAll(/\d*>>?\|?\s*[^\s;|&]+/gu, " ").split(/[\s"'`;|&<>()=,]+/u)) {
    if (before === "cd") directory = path.posix.join(directory, word);
    const named = before === "-m" ? [word, ...moduleFiles(word)] : [word];
    files.push(...named);
    // Where a `cd` ends, as that of a subshell, is not looked for: each word may lie in either place.
    if (directory !== "") files.push(...named.map((name) => path.posix.join(directory, name)));
    before = word;
  }
  return files.filter((word) => word !== "" && !/^-|\{(?:out|in\.)/u.test(word));
};

/** The files that `python -m` may run. */
const moduleFiles = (module: string): ReadonlyArray<string> => {
  const file = module.replaceAll(".", "/");
  return [`${file}.py`, `${file}/__main__.py`];
};

/** `./a//b/` is `a/b`, and `.` is empty. */
const normal = (file: string): string =>
  file
    .split("/")
    .filter((part, index) => part !== "." && (part !== "" || index === 0))
    .join("/");

/** Inputs that neither `run` nor `env` names: they only decide when the command runs. */
export const unusedInputs = (
  { run, env }: Command,
  inputs: ReadonlyArray<string>,
): ReadonlyArray<ParamsProblem> => {
  const texts = [run, ...Object.values(env)].flat();
  const unused = inputs.filter((input) => !texts.some((text) => text.includes(`{in.${input}}`)));
  if (unused.length === 0) return [];
  return [
    {
      path: ["run"],
      message: `\`run\` does not use ${unused.map((input) => `the input \`${input}\``).join(", ")}`,
      expected: unused.map((input) => `{in.${input}}`).join(", "),
    },
  ];
};

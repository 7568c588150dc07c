/** Finds files that a `command` seems to use and does not declare, and inputs that it declares and does not use. */
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
  const words = new Set([run, ...Object.values(env)].flat().flatMap(wordsOf).map(normal));
  const files = [...words].filter((word) => isFile(word) && !covers(word));
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
  const words = text.replaceAll(/\d*>>?\|?\s*[^\s;|&]+/gu, " ").split(/[\s"'`;|&<>()=,]+/u);
  const modules = words.flatMap((word, index) => {
    const name = words[index - 1] === "-m" ? word.replaceAll(".", "/") : undefined;
    return name === undefined ? [] : [`${name}.py`, `${name}/__main__.py`];
  });
  return [text, ...words, ...modules].filter(
    (word) => word !== "" && !/^-|\{(?:out|in\.)/u.test(word),
  );
};

/** `./a//b/` is `a/b`, and `.` is empty. */
const normal = (path: string): string =>
  path
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

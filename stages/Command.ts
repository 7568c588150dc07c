/**
 * Stage `command`: runs any program. `run` is a list of arguments or a script for `bash -euo pipefail -c`, in which
 * `{in.NAME}` is an input's directory and `{out}` the output directory, in or out of quotes. A fan-in is a directory with a
 * folder for each element, named by its labels, and an `index.json`. The working directory is the project's. A command that
 * leaves no file in `{out}` fails unless `empty` allows it. The numbers in the file that `metrics` names are checked and kept.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { TimeLimit } from "../schemas/time.ts";
import { WrittenText } from "../schemas/WrittenText.ts";
import { undeclaredFiles, unusedInputs } from "./commandHints.ts";
import { stage } from "./Stage.ts";

const VariableName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/u, {
    message: "a variable's name: letters, digits and _, not beginning with a digit",
  }),
);

const Params = Schema.Struct({
  run: Schema.Union([Schema.NonEmptyString, Schema.NonEmptyArray(WrittenText)]).annotate({
    description:
      "a list of arguments, or a script for `bash -euo pipefail -c`; {in.NAME} and {out} are directories",
  }),
  sources: Schema.Array(Schema.NonEmptyString)
    .annotate({
      description:
        "files and directories of the project that the program reads: their content is part of the key",
    })
    .pipe(byDefault([])),
  env: Schema.Record(VariableName, WrittenText)
    .annotate({
      description:
        "environment variables by name, with {in.NAME} and {out}; a job has few others, and TZ and LANG are UTC and C.UTF-8",
    })
    .pipe(byDefault({})),
  metrics: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))./u, { message: "a path inside {out}" }),
    ).annotate({
      description:
        "a file in {out} with one JSON object of numbers, which `tabulate` takes; left out: none",
    }),
  ),
  empty: Schema.optionalKey(
    Schema.Literal("allowed").annotate({
      description: "allowed: the command may leave no file; left out: it fails then",
    }),
  ),
  timeout: Schema.optionalKey(
    TimeLimit.pipe(
      Schema.annotateEncoded({
        description: "longest time, such as `30 minutes`; left out: no limit",
      }),
    ),
  ),
});

/** `{in.NAME}` and `{out}` in a command. */
export const placeholder = /\{(?:in\.([A-Za-z][A-Za-z0-9_-]*)|(out))\}/gu;

/** The inputs that a text names. By `match`, since `matchAll` takes several times as long, at every point of a sweep. */
const inputsIn = (text: string): ReadonlyArray<string> =>
  text.match(/(?<=\{in\.)[A-Za-z][A-Za-z0-9_-]*(?=\})/gu) ?? [];

/** The texts with placeholders, by their paths in the params. */
const textsOf = ({
  run,
  env,
}: typeof Params.Type): ReadonlyArray<
  readonly [path: ReadonlyArray<PropertyKey>, text: string]
> => [
  ...(typeof run === "string" ? [[["run"], run] as const] : []),
  ...(typeof run === "string" ? [] : run.map((text, index) => [["run", index], text] as const)),
  ...Object.entries(env).map(([name, text]) => [["env", name], text] as const),
];

export const Command = stage({
  name: "command",
  version: 3,
  summary: "runs any program on its inputs",
  onSeveralNodes: true,
  example: `count:
  use: command
  from: { scores: scores }
  with:
    run: wc -l {in.scores}/* > {out}/lines.txt
    timeout: 5 minutes`,
  params: Params,
  // A time limit can prevent a result but never change it.
  outsideKey: ["timeout"],
  inputs: "any",
  output: "files",
  sources: (params) => params.sources,
  check: (params, { inputs }) =>
    textsOf(params).flatMap(([path, text]) =>
      inputsIn(text)
        .filter((name) => !inputs.includes(name))
        .map((name) => ({ path, what: "input", name, valid: inputs })),
    ),
  hints: (params, { inputs, isFile }) => [
    ...undeclaredFiles(params, isFile),
    ...unusedInputs(params, inputs),
  ],
});

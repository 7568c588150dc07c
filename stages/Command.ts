/**
 * Stage `command`: any program. `run` is a list of arguments, or a string for `sh -c`; in it `{in.NAME}` is an input's
 * directory and `{out}` the output directory. A fan-in is a directory with one folder an element, named by its labels,
 * and an `index.json`. The program starts in the project's directory.
 */
import { Effect, Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import fs from "node:fs";
import path from "node:path";
import { fileName } from "../cache/fileName.ts";
import { failedJob, howItEnded, runJob } from "./job.ts";
import { type FanInElement, type InputArtifact, stage, type StageInputs } from "./Stage.ts";

const Params = Schema.Struct({
  run: Schema.Union([Schema.NonEmptyString, Schema.NonEmptyArray(Schema.String)]).annotate({
    description:
      "a list of arguments, or a string for `sh -c`; {in.NAME} and {out} are directories",
  }),
  sources: Schema.Array(Schema.NonEmptyString)
    .annotate({
      description:
        "files and directories of the project that the program reads: their content is part of the key",
    })
    .pipe(byDefault([])),
  env: Schema.Record(Schema.String, Schema.String).pipe(byDefault({})),
  timeout: Schema.optionalKey(
    Schema.DurationFromString.annotate({ description: "such as `30 minutes`" }),
  ),
});

const placeholder = /\{(?:in\.([A-Za-z][A-Za-z0-9_-]*)|(out))\}/gu;

export const Command = stage({
  name: "command",
  version: 1,
  summary: "runs any program on its inputs",
  params: Params,
  // A limit decides whether there is a result, never which.
  outsideKey: ["timeout"],
  inputs: "any",
  output: "files",
  sources: (params) => params.sources,
  check: (params, { inputs }) =>
    [params.run].flat().flatMap((text, index) =>
      [...text.matchAll(placeholder)].flatMap(([, input]) =>
        input === undefined || inputs.includes(input)
          ? []
          : [
              {
                path: typeof params.run === "string" ? ["run"] : ["run", index],
                what: "input",
                name: input,
                valid: inputs,
              },
            ],
      ),
    ),
  run: Effect.fnUntraced(function* (context) {
    const { params } = context;
    const directories = materialize(context.inputs, path.join(context.work, "inputs"));
    const fill = (text: string, quote: (directory: string) => string) =>
      text.replace(placeholder, (_, input: string | undefined) =>
        quote(input === undefined ? context.output : (directories[input] ?? "")),
      );
    const command =
      typeof params.run === "string"
        ? (["sh", "-c", fill(params.run, shellQuote)] as const)
        : ([
            fill(params.run[0], String),
            ...params.run.slice(1).map((argument) => fill(argument, String)),
          ] as const);
    const { env: environment, timeout } = params;
    const end = yield* runJob(context, { command, cwd: context.project, environment, timeout });
    if (end.exitCode !== 0) {
      const message = `the command ended ${howItEnded(end)}`;
      const fix = "mend the command, then run the same line again";
      return yield* failedJob(context, end, { message, fix });
    }
    return { summary: {}, cost: { cpuSeconds: end.cpuSeconds, maxRssBytes: end.maxRssBytes } };
  }),
});

const shellQuote = (text: string): string =>
  /^[\w./@%+=:,-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** A directory for each input; those of fan-ins are made of links. */
const materialize = (inputs: StageInputs, work: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      isFanIn(input) ? materializeFanIn(input, path.join(work, name)) : input.directory,
    ]),
  );

const isFanIn = (
  input: InputArtifact | ReadonlyArray<FanInElement>,
): input is ReadonlyArray<FanInElement> => Array.isArray(input);

const materializeFanIn = (elements: ReadonlyArray<FanInElement>, directory: string): string => {
  fs.mkdirSync(directory, { recursive: true });
  const index = elements.map(({ labels, directory: target }) => {
    const folder = folderName(labels);
    fs.symlinkSync(target, path.join(directory, folder));
    return { labels, path: folder };
  });
  fs.writeFileSync(path.join(directory, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
  return directory;
};

/** `loss=token,seed=0`. A comma in a label is written otherwise, so that it ends no label, and so is what it is written by. */
const folderName = (labels: FanInElement["labels"]): string =>
  fileName(
    Object.entries(labels)
      .map(([axis, label]) => `${axis}=${label.replaceAll("%", "%25").replaceAll(",", "%2C")}`)
      .join(","),
  );

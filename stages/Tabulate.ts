/** Stage `tabulate`: metrics of commands over the axes of the experiment, with means over repetitions. */
import { Schema } from "effect";
import { stage, type UnknownParamsName } from "./Stage.ts";

const Params = Schema.Struct({
  pool: Schema.optionalKey(
    Schema.Array(Schema.String).annotate({
      description: "axes of repetitions, over which means are taken; left out: `seed`",
    }),
  ),
});

export const Tabulate = stage({
  name: "tabulate",
  version: 1,
  summary: "tabulates the metrics of commands point by point, with means over seeds",
  example: `measured:
  use: command
  with: { run: 'echo "{\\"loss\\": 0.\${seed}}" > {out}/result.json', metrics: result.json }
losses: { use: tabulate, from: { results: { all: measured } } }`,
  params: Params,
  inputs: {
    results: {
      kinds: ["files"],
      many: true,
      check: (_, { name, stage, params }) =>
        stage === "command" && (params as { readonly metrics?: string }).metrics !== undefined
          ? []
          : [
              {
                path: [],
                message: `\`${name}\` gives no metrics`,
                expected:
                  "a command that names its file of numbers, such as `metrics: result.json`",
              },
            ],
    },
  },
  output: "measurements",
  check: ({ pool = [] }, { axes }): ReadonlyArray<UnknownParamsName> =>
    pool.flatMap((name, index) =>
      axes.includes(name)
        ? []
        : [{ path: ["pool", index], what: "axis of the results", name, valid: axes }],
    ),
});

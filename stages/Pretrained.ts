/**
 * Stage `pretrained`: imports a Hugging Face model directory by content, from this machine or from the Hub at a commit, for `sft`,
 * `grpo`, `rollout` and `generate`.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Positive } from "../schemas/numbers.ts";
import { HubName, HubRevision } from "./hubParams.ts";
import { type ParamsProblem, stage } from "./Stage.ts";

const Params = Schema.Struct({
  path: Schema.NullOr(Schema.NonEmptyString)
    .annotate({
      description: "a directory that from_pretrained loads, relative to the project's directory",
    })
    .pipe(byDefault(null)),
  repo: Schema.NullOr(HubName)
    .annotate({ description: "a model of the Hub instead, such as Qwen/Qwen3-VL-4B-Instruct" })
    .pipe(byDefault(null)),
  revision: Schema.NullOr(HubRevision)
    .annotate({ description: "the commit of `repo`, 40 hexadecimal digits" })
    .pipe(byDefault(null)),
  parameters: Schema.NullOr(Positive)
    .annotate({
      description:
        "the number of weights, for the estimates of a plan; by default what its name says, such as 4B",
    })
    .pipe(byDefault(null)),
});

const originProblems = ({
  path,
  repo,
  revision,
}: typeof Params.Type): ReadonlyArray<ParamsProblem> => {
  if ((path === null) === (repo === null))
    return [
      {
        path: [],
        message: `the model has ${path === null ? "no origin" : "two origins"}`,
        expected: "either `path`, a directory, or `repo` and `revision`, a model of the Hub",
      },
    ];
  if ((repo === null) === (revision === null)) return [];
  return [
    {
      path: repo === null ? ["revision"] : ["repo"],
      message:
        repo === null
          ? "a directory has no `revision`"
          : "the model of the Hub is not pinned, and its branches move",
      expected:
        repo === null
          ? "no `revision`"
          : "`revision: COMMIT`, from the repository's history (Files → History)",
    },
  ];
};

export const Pretrained = stage({
  name: "pretrained",
  version: 2,
  summary: "imports a model directory by content, from this machine or from the Hub",
  example: `qwen: { use: pretrained, with: { path: models/qwen3-vl-2b } }`,
  params: Params,
  outsideKey: ["parameters"],
  inputs: {},
  output: "model",
  check: originProblems,
  sources: ({ path }) => (path === null ? [] : [path]),
});

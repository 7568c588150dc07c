/** Copies a model directory of this machine or of the Hub's cache, and checks that it is whole. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { isDiskTrouble, storeTrouble } from "../cache/StoreTrouble.ts";
import { modelProblem } from "../kinds/modelProblem.ts";
import { copyIn } from "./copyIn.ts";
import { fetchFromHub } from "./fetchFromHub.ts";
import { Pretrained } from "./Pretrained.ts";
import { type StageContext, StageFailed, stageRun } from "./StageRun.ts";

type Context = StageContext<(typeof Pretrained)["params"]["Type"]>;

export const pretrainedRun = stageRun(
  Pretrained,
  Effect.fnUntraced(function* (context) {
    const { path: directory, repo, revision } = context.params;
    if (directory !== null) yield* copyDirectory(context, directory);
    if (repo !== null && revision !== null) yield* copyFromHub(context, repo, revision);
    return { summary: {} };
  }),
);

const copyDirectory = Effect.fnUntraced(function* (context: Context, directory: string) {
  const problem = yield* Effect.try({
    try: () => modelProblem(path.resolve(context.project, directory)),
    catch: (cause) =>
      new StageFailed({
        message: `${directory} can't be read: ${(cause as Error).message}`,
        fix: "make it readable",
      }),
  });
  if (problem !== undefined) {
    return yield* new StageFailed({
      message: `${directory} is not a model directory: ${problem}`,
      fix: "name a complete directory of save_pretrained or `hf download`, with the processor's files",
    });
  }
  const local = { ...context, params: { path: directory } };
  yield* copyIn(local, (name) => name === templates || counts(name));
});

const templates = "additional_chat_templates";

/**
 * Files that transformers loads, the model's card and licence, and the metrics of its training by pipe. Left out are weights in
 * other formats, which double a download, checkpoints of a training, and hidden files, which hold the time of a download: the same
 * model is the same artifact from wherever it comes.
 */
const counts = (name: string): boolean =>
  /^(?:[^.][^/]*\.(?:json|jinja|txt|model|tiktoken|safetensors|md)|metrics\.jsonl|LICENSE|NOTICE)$/u.test(
    name,
  );

const countsOnHub = (file: string): boolean =>
  counts(file.startsWith(`${templates}/`) ? file.slice(templates.length + 1) : file);

const copyFromHub = Effect.fnUntraced(function* (context: Context, repo: string, revision: string) {
  const files = yield* fetchFromHub(context, { type: "model", repo, revision }, countsOnHub);
  yield* Effect.tryPromise({
    try: async (signal) => {
      for (const { path: name, file } of files) {
        signal.throwIfAborted();
        const target = path.join(context.output, name);
        fs.mkdirSync(path.dirname(target), { recursive: true });
        await fs.promises.copyFile(file, target, fs.constants.COPYFILE_FICLONE);
      }
    },
    catch: (cause) =>
      new StageFailed({
        message: `${repo} can't be copied from the Hub's cache: ${(cause as Error).message}`,
        fix: isDiskTrouble(cause) ? storeTrouble("")(cause).fix : "check HF_HOME and HF_HUB_CACHE",
      }),
  });
  const problem = modelProblem(context.output);
  if (problem !== undefined)
    return yield* new StageFailed({
      message: `${repo} at ${revision} is not a model that can be loaded: ${problem}`,
      fix: "take a revision with config.json and *.safetensors; pipe loads no other format",
    });
});

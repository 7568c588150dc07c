/** Checks before anything runs that a data set will have enough prompts for a stage that samples. */
import { isRandomImage } from "../tasks/draw/Image.ts";
import type { SplitName } from "../tasks/split.ts";
import { tasks } from "../tasks/tasks.ts";
import type { RenderParams } from "./Render.ts";
import type { ParamsProblem, Upstream } from "./Stage.ts";

/** The params that decide how many prompts a sampling stage needs. */
type Sampling = { readonly split: SplitName } & (
  | { readonly prompts?: "split" }
  | {
      /** Each picture once. */
      readonly prompts: "stream";
      readonly steps: number;
      readonly prompts_per_step: number;
      readonly dynamic_sampling: { readonly kind: string; readonly waves?: number };
    }
);

export const checkPrompts = (
  params: Sampling,
  { name, stage, params: upstream }: Upstream,
): ReadonlyArray<ParamsProblem> => {
  if (stage !== "render") return [];
  const rendered = upstream as RenderParams;
  const { split } = params;
  const rows = rendered.splits[split];
  if (rows === undefined)
    return [
      {
        path: ["split"],
        message: `\`${name}\` renders no split \`${split}\``,
        expected: Object.keys(rendered.splits).join(" or "),
      },
    ];
  if (params.prompts !== "stream") return [];
  const { steps, prompts_per_step: each, dynamic_sampling: dynamic } = params;
  const waves = dynamic.waves ?? 1;
  const needed = steps * waves * each;
  const taken = `a stream uses each picture once: ${count(needed)} in ${count(steps)} steps of ${waves === 1 ? "" : `${waves} waves of `}${count(each)} prompts`;
  const around = "`prompts: split`, which repeats the split";
  if (rows < needed)
    return [
      {
        path: ["prompts"],
        message: `${taken}, and \`${name}\` renders ${count(rows)} of \`${split}\``,
        expected: `\`splits: { ${split}: ${needed} }\` in \`${name}\`, at most ${count(Math.floor(rows / (waves * each)))} steps, or ${around}`,
      },
    ];
  const pictures = maxPictures(rendered);
  if (pictures < needed)
    return [
      {
        path: ["prompts"],
        message: `${taken}, and \`${name}\` has at most ${count(pictures)} different ones: its task has no more instances, and each always has the same picture`,
        expected: `a larger task, pictures with jitter, rotation or noise in \`${name}\`, or ${around}`,
      },
    ];
  return [];
};

/** An upper bound on the number of distinct pictures. */
const maxPictures = ({ task: params, image }: RenderParams): number => {
  const task = tasks[params.kind];
  return isRandomImage(image) || task.hasRandomLayout(params)
    ? Infinity
    : task.maxInstances(params);
};

const count = (number: number): string => number.toLocaleString("en");

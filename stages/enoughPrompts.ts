/** Whether the data that prompts are taken from will have as many as are asked for: told from the experiment, before anything runs. */
import { mostInstances } from "../tasks/space.ts";
import type { SplitName } from "../tasks/split.ts";
import type { RenderParams } from "./Render.ts";
import type { ComplaintAboutParams, Upstream } from "./Stage.ts";

/** Of the params of the stages that sample, what says how many prompts they take. */
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

export const enoughPrompts = (
  params: Sampling,
  { name, stage, params: upstream }: Upstream,
): ReadonlyArray<ComplaintAboutParams> => {
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
  const taken = `a stream takes each picture once, ${count(needed)} of them in ${count(steps)} steps of ${waves === 1 ? "" : `${waves} waves of `}${count(each)} prompts`;
  const around = "`prompts: split`, which goes around";
  if (rows < needed)
    return [
      {
        path: ["prompts"],
        message: `${taken}, and \`${name}\` renders ${count(rows)} of \`${split}\``,
        expected: `\`splits: { ${split}: ${needed} }\` in \`${name}\`, at most ${count(Math.floor(rows / (waves * each)))} steps, or ${around}`,
      },
    ];
  const pictures = isDrawnByChance(rendered) ? Infinity : mostInstances(rendered.task);
  if (pictures < needed)
    return [
      {
        path: ["prompts"],
        message: `${taken}, and \`${name}\` has at most ${count(pictures)} different ones, as its task has no more instances and each is always drawn alike`,
        expected: `a larger task, pictures with jitter, rotation or noise in \`${name}\`, or ${around}`,
      },
    ];
  return [];
};

/** The same instance is another picture each time. */
const isDrawnByChance = ({ task, image }: RenderParams): boolean =>
  image.jitter > 0 ||
  image.rotation > 0 ||
  image.noise > 0 ||
  (task.kind === "graph-coloring" && task.layout === "force");

const count = (number: number): string => number.toLocaleString("en");

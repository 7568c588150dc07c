/** The instances that `render` draws for a split of a page's experiment, and their difficulty, by the picture's id. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { exampleId } from "../../kinds/Dataset.ts";
import { digestBytes } from "../../schemas/Digest.ts";
import { Render } from "../../stages/Render.ts";
import { splitInstance, type SplitName } from "../../tasks/split.ts";
import { tasks } from "../../tasks/tasks.ts";
import { root } from "../rig/build.ts";

interface Stage {
  readonly use: string;
  readonly with?: { readonly splits?: Readonly<Record<string, number>> };
}

const decode = Schema.decodeUnknownSync(Render.params);

export interface DrawnInstance {
  readonly instance: string;
  readonly difficulty: number;
}

const drawn = new Map<string, ReadonlyMap<string, DrawnInstance>>();

export const drawnInstances = (
  study: string,
  split: SplitName,
  count: number,
): ReadonlyMap<string, DrawnInstance> => {
  const key = JSON.stringify([study, split, count]);
  const found = drawn.get(key) ?? draw(study, split, count);
  drawn.set(key, found);
  return found;
};

/** The instances of the experiment's only data with a test split. */
const draw = (
  study: string,
  split: SplitName,
  count: number,
): ReadonlyMap<string, DrawnInstance> => {
  const file = ["experiments/gpu", "experiments"]
    .map((folder) => path.join(root, folder, `${study}.yaml`))
    .find((each) => fs.existsSync(each));
  if (file === undefined) throw new Error(`no experiment ${study}`);
  const { stages } = parse(fs.readFileSync(file, "utf8")) as {
    readonly stages: Readonly<Record<string, Stage>>;
  };
  const [data, ...others] = Object.values(stages)
    // Data without a test split may have params that are axes.
    .filter((each) => each.use === "render" && each.with?.splits?.["test"] !== undefined)
    // The instance does not depend on its picture, whose noise may be an axis.
    .map((each) => decode({ ...each.with, image: {} }));
  if (data === undefined || others.length > 0) throw new Error(`${study} has not one test split`);
  const task = tasks[data.task.kind];
  return new Map(
    Array.from({ length: count }, (_, index) => {
      const { truth } = splitInstance(task, data.task, data.seed, split, index);
      const instance = digestBytes(`${task.name} ${task.identity(truth)}`).slice(0, 16);
      return [exampleId(split, index), { instance, difficulty: task.difficulty(truth) }] as const;
    }),
  );
};

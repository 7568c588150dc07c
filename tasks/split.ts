import { hash32, Random } from "../stats/Random.ts";
import type { Task } from "./Task.ts";

export const splitNames = ["test", "validation", "train_sft", "train_rl"] as const;
export type SplitName = (typeof splitNames)[number];

type Bucket = "test" | "validation" | "train";

const bucketOf: Readonly<Record<SplitName, Bucket>> = {
  test: "test",
  validation: "validation",
  train_sft: "train",
  train_rl: "train",
};

/** The splits that an instance may be in, by its identity alone: 20 % test, 10 % validation, 70 % training. */
export const bucket = (identity: string): Bucket => {
  const share = hash32(identity) / 2 ** 32;
  return share < 0.2 ? "test" : share < 0.3 ? "validation" : "train";
};

// If one draw in ten falls into the split's bucket, all draws miss it with probability 0.9^200, about 1e-9.
const draws = 200;

export interface SplitInstance<Truth> {
  readonly truth: Truth;
  /** No draw fell into the split's bucket: this is the last draw, which other splits may contain as well. */
  readonly forced: boolean;
}

/**
 * Instance `index` of a split. It depends on (seed, split, index) alone: a longer split begins with the shorter one, and
 * instances can be generated in any order. Throws `ImpossibleTask`.
 */
export const splitInstance = <P extends { readonly kind: string }, T, A>(
  task: Task<P, T, A>,
  params: P,
  seed: number,
  split: SplitName,
  index: number,
): SplitInstance<T> => {
  const random = Random.of("instance", seed, split, index);
  let truth = task.generate(params, random);
  for (let draw = 1; draw < draws && bucket(task.identity(truth)) !== bucketOf[split]; draw++)
    truth = task.generate(params, random);
  return { truth, forced: bucket(task.identity(truth)) !== bucketOf[split] };
};

/** The random numbers of an instance's picture: jitter, rotation, layout and noise. */
export const imageRandom = (seed: number, split: SplitName, index: number) =>
  Random.of("image", seed, split, index);

/** The instances of one split. */
export interface SplitContents {
  readonly identities: ReadonlyArray<string>;
  readonly forced: number;
}

export interface SplitReport {
  readonly instances: Partial<
    Record<
      SplitName,
      { readonly total: number; readonly distinct: number; readonly forced: number }
    >
  >;
  /** For each pair of splits, the number of distinct instances in both. Only train_sft and train_rl share by design. */
  readonly overlaps: ReadonlyArray<{
    readonly splits: readonly [SplitName, SplitName];
    readonly shared: number;
  }>;
}

/** Counts the instances in splits and in pairs of splits. */
export const reportSplits = (contents: Partial<Record<SplitName, SplitContents>>): SplitReport => {
  const present = splitNames.flatMap((name) => {
    const content = contents[name];
    return content === undefined ? [] : [{ name, content, distinct: new Set(content.identities) }];
  });
  return {
    instances: Object.fromEntries(
      present.map(({ name, content, distinct }) => [
        name,
        { total: content.identities.length, distinct: distinct.size, forced: content.forced },
      ]),
    ),
    overlaps: present.flatMap((one, i) =>
      present.slice(i + 1).map((other) => ({
        splits: [one.name, other.name] as const,
        shared: [...one.distinct].filter((identity) => other.distinct.has(identity)).length,
      })),
    ),
  };
};

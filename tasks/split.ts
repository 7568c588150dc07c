import { hash32, Random } from "./Random.ts";
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

/** Which splits an instance may be in, by its identity alone: 20 % test, 10 % validation, the rest training. */
export function bucket(identity: string): Bucket {
  const share = hash32(identity) / 2 ** 32;
  return share < 0.2 ? "test" : share < 0.3 ? "validation" : "train";
}

// A space with any instance for the split's bucket in ten per cent of the draws is missed with probability 0.9^200, about 1e-9.
const draws = 200;

export interface SplitInstance<Truth> {
  readonly truth: Truth;
  /** No draw fell into the split's bucket, so the last one was taken although it may be in other splits too. */
  readonly forced: boolean;
}

/**
 * Instance `index` of a split. It depends on (seed, split, index) only, so a longer split begins with the shorter one,
 * and instances can be made in any order. Throws `ImpossibleTask`.
 */
export function splitInstance<P extends { readonly kind: string }, T, A>(
  task: Task<P, T, A>,
  params: P,
  seed: number,
  split: SplitName,
  index: number,
): SplitInstance<T> {
  const random = Random.of("instance", seed, split, index);
  let truth = task.generate(params, random);
  for (let draw = 1; draw < draws && bucket(task.identity(truth)) !== bucketOf[split]; draw++)
    truth = task.generate(params, random);
  return { truth, forced: bucket(task.identity(truth)) !== bucketOf[split] };
}

/** The stream that decides an instance's picture: jitter, rotation, layout and noise. */
export const imageRandom = (seed: number, split: SplitName, index: number) =>
  Random.of("image", seed, split, index);

/** What one split holds, for the report. */
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
  /** For each pair of splits, how many distinct instances both hold. Only train_sft and train_rl share by design. */
  readonly overlaps: ReadonlyArray<{
    readonly splits: readonly [SplitName, SplitName];
    readonly shared: number;
  }>;
}

/** Counts what the splits hold and share. */
export function reportSplits(contents: Partial<Record<SplitName, SplitContents>>): SplitReport {
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
}

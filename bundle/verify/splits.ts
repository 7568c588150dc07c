/** The splits of the bundle's data sets: their examples in order, with what a response is judged by. Each is read once. */
import { Effect } from "effect";
import fs from "node:fs";
import type { Node } from "../../pipelines/Compile.ts";
import { isFanIn } from "../../pipelines/Plan.ts";
import { eachRow, splitFile } from "../../stages/Dataset.ts";
import type { BundleNode } from "../format.ts";
import { type Contents, directoryOf } from "./Contents.ts";
import type { Placed } from "./placed.ts";

export interface Truth {
  readonly task: string;
  readonly ground_truth: string;
  readonly perception: string;
}

/** By id, in the order of the split. */
export type Split = ReadonlyMap<string, Truth>;

/** Of a node that answers a data set. */
export interface Answered {
  /** The artifact that the examples are of. */
  readonly data: BundleNode;
  readonly split: string;
  /** Undefined where the bundle leaves the split's file out, or has it in a form that `pipe` doesn't write. */
  readonly examples: Split | undefined;
}

export class Splits {
  readonly #contents: Contents;
  readonly #bundledOf: ReadonlyMap<Node, BundleNode>;
  readonly #read = new Map<string, Promise<Split | undefined>>();

  constructor(contents: Contents, placed: ReadonlyArray<Placed>) {
    this.#contents = contents;
    this.#bundledOf = new Map(placed.map(({ node, bundled }) => [node, bundled]));
  }

  /** What a node with the inputs and params of those that sample was asked about; undefined where it has no data set. */
  async answeredBy({ inputs, params }: Node): Promise<Answered | undefined> {
    const { data: input } = inputs;
    const data = input === undefined || isFanIn(input) ? undefined : this.#bundledOf.get(input);
    if (data === undefined) return undefined;
    const { split, limit = null } = params.decoded as AnsweringParams;
    const place = `${data.artifact} ${split} ${limit}`;
    const reading = this.#read.get(place) ?? this.#examples(data, split, limit);
    this.#read.set(place, reading);
    return { data, split, examples: await reading };
  }

  async #examples(
    { artifact }: BundleNode,
    split: string,
    limit: number | null,
  ): Promise<Split | undefined> {
    const directory = directoryOf(this.#contents, artifact);
    if (!fs.existsSync(splitFile(directory, split))) return undefined;
    const examples = new Map<string, Truth>();
    const reading = eachRow(directory, split, { images: false }, (row) => {
      const { id, task, ground_truth, perception } = row;
      if (limit === null || examples.size < limit)
        examples.set(id, { task, ground_truth, perception });
    });
    await Effect.runPromise(reading);
    return examples;
  }
}

/** Of the params of the stages that answer a split, what says which examples these are. */
interface AnsweringParams {
  readonly split: string;
  readonly limit?: number | null;
}

/** Whether the artifact has the split at all, be its file in the bundle or not. */
export const hasSplit = ({ data, split }: Answered): boolean =>
  data.files.some(
    ({ path }) =>
      path.startsWith(`data/${split}-`) &&
      /^\d+-of-\d+\.parquet$/u.test(path.slice(6 + split.length)),
  );

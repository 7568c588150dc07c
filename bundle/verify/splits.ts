/** The splits of the bundle's data sets: ids in order, each with the truth that judges a response. Each split is read once. */
import { Effect } from "effect";
import fs from "node:fs";
import { isFanIn, type Node } from "../../pipelines/experiment/Node.ts";
import { audits } from "../../stages/audits.ts";
import { readTruths, splitFile, splitOfFile, type Truth } from "../../kinds/Dataset.ts";
import type { BundleNode } from "../format/format.ts";
import { type Contents, directoryOf } from "./Contents.ts";
import type { CompiledNode } from "./compiledNodes.ts";

/** By id, in the order of the split. */
export type Split = ReadonlyMap<string, Truth>;

/** The split that a node answers. */
export interface Answered {
  /** The node that made the data set. */
  readonly data: BundleNode;
  readonly split: string;
  /** Undefined where the bundle leaves the split's file out. */
  readonly examples: Split | undefined;
}

export class Splits {
  readonly #contents: Contents;
  readonly #bundledOf: ReadonlyMap<Node, BundleNode>;
  readonly #read = new Map<string, Promise<Split | undefined>>();

  constructor(contents: Contents, placed: ReadonlyArray<CompiledNode>) {
    this.#contents = contents;
    this.#bundledOf = new Map(placed.map(({ node, bundled }) => [node, bundled]));
  }

  /** Undefined for a node that answers no data set. */
  async answeredBy({ stage, inputs, params }: Node): Promise<Answered | undefined> {
    const { data: input } = inputs;
    const data = input === undefined || isFanIn(input) ? undefined : this.#bundledOf.get(input);
    const examples = audits.get(stage.name)?.examples?.(params.decoded);
    if (data === undefined || examples === undefined) return undefined;
    const { split, limit } = examples;
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
    return Effect.runPromise(readTruths(directory, split, limit));
  }
}

/** True if the artifact has the split, in the bundle or left out. */
export const hasSplit = ({ data, split }: Answered): boolean =>
  data.files.some(({ path }) => splitOfFile(path) === split);

/** The content of a page, read from its own files without the store. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { Correlations } from "../../kinds/CorrelationsFile.ts";
import { Table } from "../../kinds/TableFile.ts";
import { CurveLine, ExampleLine, InstanceLine, type Labels, readLines } from "./Evidence.ts";
import { parseStudy, type Study } from "./Study.ts";

const decodeTable = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Struct({ run: Schema.String, table: Table })),
);
const decodeCorrelations = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Struct({ run: Schema.String, correlations: Correlations })),
);

export class Page {
  readonly directory: string;
  readonly study: Study;
  private readonly results = new Map<string, unknown>();

  constructor(directory: string) {
    this.directory = directory;
    this.study = parseStudy(fs.readFileSync(path.join(directory, "study.yaml"), "utf8"));
  }

  /** Another page, by its folder beside this one. */
  sibling(name: string): Page {
    return this.once(`page: ${name}`, () => new Page(path.join(this.directory, "..", name)));
  }

  table(node: string): Table {
    return decodeTable(this.numbers(node)).table;
  }

  /** Those of the points with these labels. */
  correlations(node: string, where: Labels = {}): Correlations {
    const { correlations } = decodeCorrelations(this.numbers(node));
    const points = correlations.points.filter(({ labels }) =>
      Object.entries(where).every(([axis, label]) => labels[axis] === label),
    );
    if (points.length === 0)
      throw new Error(`\`${node}\` has no correlations at ${JSON.stringify(where)}`);
    return { ...correlations, points };
  }

  /** The examples of a table's points. */
  examples(node: string): ReadonlyArray<ExampleLine> {
    return this.once(`examples: ${node}`, () => {
      const lines = readLines(this.file(`${node}.scores.jsonl.gz`), ExampleLine);
      if (lines === undefined) throw new Error(`${node}.scores.jsonl.gz is missing`);
      return lines;
    });
  }

  /** The instance that a picture of a table shows; a picture without an entry is an instance of its own. */
  instances(node: string): ReadonlyMap<string, string> {
    return this.once(`instances: ${node}`, () => {
      const lines = readLines(this.file(`${node}.instances.jsonl.gz`), InstanceLine) ?? [];
      return new Map(lines.map(({ id, instance }) => [id, instance]));
    });
  }

  /** Computes slow results once, by name. */
  once<A>(name: string, work: () => A): A {
    if (!this.results.has(name)) this.results.set(name, work());
    return this.results.get(name) as A;
  }

  curves(stageName: string): ReadonlyArray<CurveLine> {
    const lines = readLines(this.file(`${stageName}.curves.jsonl.gz`), CurveLine);
    if (lines === undefined) throw new Error(`there are no curves of \`${stageName}\``);
    return lines;
  }

  private numbers(node: string): string {
    const file = this.file(`${node}.json`);
    if (!fs.existsSync(file))
      throw new Error(`study.yaml names \`${node}\`, but ${node}.json is missing`);
    return fs.readFileSync(file, "utf8");
  }

  private file(name: string): string {
    return path.join(this.directory, name);
  }
}

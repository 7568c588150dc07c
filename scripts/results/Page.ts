/** What a page shows, read from its own files alone: the store is not asked. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { Correlations } from "../../schemas/Correlation.ts";
import { Table } from "../../schemas/Table.ts";
import { CurveLine, ExampleLine, readLines } from "./Evidence.ts";
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
  readonly #once = new Map<string, unknown>();

  constructor(directory: string) {
    this.directory = directory;
    this.study = parseStudy(fs.readFileSync(path.join(directory, "study.yaml"), "utf8"));
  }

  table(node: string): Table {
    return decodeTable(this.#numbers(node)).table;
  }

  correlations(node: string): Correlations {
    return decodeCorrelations(this.#numbers(node)).correlations;
  }

  /** The examples of a table's points; undefined where they were not kept. */
  examples(node: string): ReadonlyArray<ExampleLine> | undefined {
    return this.once(`examples: ${node}`, () =>
      readLines(this.#file(`${node}.scores.jsonl.gz`), ExampleLine),
    );
  }

  /** What takes a while is worked out once, by name. */
  once<A>(name: string, work: () => A): A {
    if (!this.#once.has(name)) this.#once.set(name, work());
    return this.#once.get(name) as A;
  }

  curves(stageName: string): ReadonlyArray<CurveLine> {
    const lines = readLines(this.#file(`${stageName}.curves.jsonl.gz`), CurveLine);
    if (lines === undefined) throw new Error(`there are no curves of \`${stageName}\``);
    return lines;
  }

  #numbers(node: string): string {
    const file = this.#file(`${node}.json`);
    if (!fs.existsSync(file))
      throw new Error(`study.yaml names \`${node}\`, and there is no ${node}.json`);
    return fs.readFileSync(file, "utf8");
  }

  #file(name: string): string {
    return path.join(this.directory, name);
  }
}

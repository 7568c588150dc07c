/** The arms of a study: what is compared, each with its seeds. */
import type { Table, TableRow } from "../../schemas/Table.ts";
import { type Proportion, wilson } from "../../stats/wilson.ts";
import type { ExampleLine, Labels } from "./Evidence.ts";
import type { Page } from "./Page.ts";
import { type Metric, metrics, named } from "./Study.ts";

export type Accuracies = { readonly [metric in Metric]: Proportion | null };

export interface ArmPoint {
  readonly seed: string;
  readonly accuracies: Accuracies;
  /** Undefined where the examples were not kept. */
  readonly examples: ReadonlyArray<ExampleLine> | undefined;
}

export interface Arm {
  readonly label: string;
  readonly points: ReadonlyArray<ArmPoint>;
  /** Over its seeds. */
  readonly pooled: Accuracies;
}

export interface ArmSet {
  readonly axis: string;
  readonly arms: ReadonlyArray<Arm>;
  readonly models: ReadonlyArray<string>;
}

export const armsNamed = (page: Page, name: string): ArmSet => {
  const { seed } = page.study;
  const { of, axis, where, also } = named("set of arms", page.study.arms, name);
  const table = page.table(of);
  const rows = new RowReader(page, of, table);
  const labels = [...new Set(table.rows.flatMap((row) => row.labels[axis] ?? []))];
  if (labels.length === 0)
    throw new Error(`the table \`${of}\` has no axis \`${axis}\`, but ${table.axes.join(", ")}`);
  const own = labels.map((label) => rows.arm(label, { ...where, [axis]: label }, seed));
  const others = also.map((other) =>
    new RowReader(page, other.of, page.table(other.of)).arm(other.label, other.where, seed),
  );
  return { axis, arms: [...others, ...own], models: table.models };
};

class RowReader {
  readonly #page: Page;
  readonly #node: string;
  readonly #table: Table;

  constructor(page: Page, node: string, table: Table) {
    this.#page = page;
    this.#node = node;
    this.#table = table;
  }

  /** The points that have these labels, and no other axis but the seed. */
  arm(label: string, labels: Labels, seed: string): Arm {
    const open = this.#table.axes.filter((axis) => axis !== seed && labels[axis] === undefined);
    if (open.length > 0)
      throw new Error(
        `the table \`${this.#node}\` has the axis ${open.join(" and ")}, too: say which label by \`where\``,
      );
    const points = this.#table.rows
      .filter((row) => covers(row.labels, labels))
      .map((row): ArmPoint => ({
        seed: row.labels[seed] ?? "",
        accuracies: accuraciesOf(row),
        examples: this.#examplesAt(row.labels),
      }));
    if (points.length === 0)
      throw new Error(`the table \`${this.#node}\` has no point ${JSON.stringify(labels)}`);
    return { label, points, pooled: pooled(points) };
  }

  #examplesAt(labels: Labels): ReadonlyArray<ExampleLine> | undefined {
    const all = this.#page.examples(this.#node);
    return all?.filter((example) => covers(example.labels, labels));
  }
}

const covers = (all: Labels, some: Labels): boolean =>
  Object.entries(some).every(([axis, label]) => all[axis] === label);

const accuraciesOf = ({ a, a_p, a_r }: TableRow): Accuracies => ({ a, a_p, a_r });

const pooled = (points: ReadonlyArray<ArmPoint>): Accuracies => {
  const of = (metric: Metric): Proportion | null => {
    const found = points.flatMap(({ accuracies }) => accuracies[metric] ?? []);
    const sum = (field: "successes" | "n") => found.reduce((total, each) => total + each[field], 0);
    return wilson(sum("successes"), sum("n"));
  };
  return Object.fromEntries(metrics.map((metric) => [metric, of(metric)])) as unknown as Accuracies;
};

const symbols: Readonly<Record<string, string>> = { alpha: "α", lambda: "λ" };

/** An axis as one writes it in a formula. */
export const axisName = (axis: string): string => symbols[axis] ?? axis;

/** What is only a number says of what. */
export const armName = (axis: string, label: string): string =>
  Number.isNaN(Number(label)) ? label : `${axisName(axis)} = ${label}`;

/** The number that a label ends with. */
export const numberIn = (label: string): number => {
  const [number] = /-?\d+(?:\.\d+)?$/u.exec(label) ?? [];
  if (number === undefined)
    throw new Error(`the label ${label} does not end with a number: name it among \`references\``);
  return Number(number);
};

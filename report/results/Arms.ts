/** The arms of a study, each with its seeds. */
import type { Errors, Table, TableRow } from "../../kinds/TableFile.ts";
import { clusteredProportion } from "../../stats/clusteredProportion.ts";
import type { Proportion } from "../../stats/wilson.ts";
import type { ExampleLine, Labels } from "./Evidence.ts";
import type { Page } from "./Page.ts";
import { armName as nameOfArm, type Metric, metrics } from "../analysis/Arms.ts";
import { named } from "./Study.ts";

export type Accuracies = { readonly [metric in Metric]: Proportion | null };

export interface ArmExample extends ExampleLine {
  readonly instance: string;
}

export interface ArmPoint {
  readonly seed: string;
  readonly accuracies: Accuracies;
  /** Null where the scores do not say how captions differ. */
  readonly errors: Errors | null;
  readonly examples: ReadonlyArray<ArmExample>;
}

export interface Arm {
  readonly label: string;
  readonly points: ReadonlyArray<ArmPoint>;
  /** Pooled over its seeds, with intervals over seeds and instances. */
  readonly pooled: Accuracies;
}

export interface ArmSet {
  readonly axis: string;
  readonly arms: ReadonlyArray<Arm>;
  readonly models: ReadonlyArray<string>;
}

export const armsNamed = (page: Page, name: string): ArmSet => {
  const { seed } = page.study;
  const { of, pages, axis, where, also } = named("set of arms", page.study.arms, name);
  const rows = new RowReader([page, ...pages.map((other) => page.sibling(other))], of);
  const table = page.table(of);
  const labels = [...new Set(table.rows.flatMap((row) => row.labels[axis] ?? []))];
  if (labels.length === 0)
    throw new Error(`the table \`${of}\` has no axis \`${axis}\`, but ${table.axes.join(", ")}`);
  const own = labels.map((label) => rows.arm(label, { ...where, [axis]: label }, seed));
  const others = also.map((other) =>
    new RowReader([page], other.of).arm(other.label, other.where, seed),
  );
  return { axis, arms: [...others, ...own], models: modelsOf(page, name) };
};

/** Descriptions of the models behind a set of arms. */
export const modelsOf = (page: Page, name: string): ReadonlyArray<string> => {
  const { of, models: text } = named("set of arms", page.study.arms, name);
  const all = page.table(of).models ?? [];
  if (text === undefined) return all;
  const own = all.filter((model) => model.includes(text));
  if (own.length === 0)
    throw new Error(`the table \`${of}\` has no model \`${text}\`, but ${all.join("; ")}`);
  return own;
};

/** The points of a table, those of sibling pages added. */
class RowReader {
  private readonly table: Table;
  private readonly pages: ReadonlyArray<Page>;
  private readonly node: string;

  constructor(pages: readonly [Page, ...ReadonlyArray<Page>], node: string) {
    this.pages = pages;
    this.node = node;
    const [own, ...others] = [
      pages[0].table(node),
      ...pages.slice(1).map((page) => page.table(node)),
    ];
    this.table = { ...own, rows: [...own.rows, ...others.flatMap(({ rows }) => rows)] };
  }

  /** The points with these labels; the seed is the only other axis. */
  arm(label: string, labels: Labels, seed: string): Arm {
    const open = this.table.axes.filter((axis) => axis !== seed && labels[axis] === undefined);
    if (open.length > 0)
      throw new Error(
        `the table \`${this.node}\` also has the axis ${open.join(" and ")}: choose its label with \`where\``,
      );
    const points = this.table.rows
      .filter((row) => covers(row.labels, labels))
      .map((row): ArmPoint => ({
        seed: row.labels[seed] ?? "",
        accuracies: accuraciesOf(row),
        errors: row.errors ?? null,
        examples: this.examplesAt(row.labels),
      }));
    if (points.length === 0)
      throw new Error(`the table \`${this.node}\` has no point ${JSON.stringify(labels)}`);
    return { label, points, pooled: pooled(points) };
  }

  private examplesAt(labels: Labels): ReadonlyArray<ArmExample> {
    const keyOf = (of: Labels) => JSON.stringify(this.table.axes.map((axis) => of[axis]));
    return this.pages.flatMap((page) => {
      const instances = page.instances(this.node);
      const byPoint = page.once(`examples by point: ${this.node}`, () =>
        Map.groupBy(
          page
            .examples(this.node)
            .map((line) => ({ ...line, instance: instances.get(line.id) ?? line.id })),
          (example) => keyOf(example.labels),
        ),
      );
      return byPoint.get(keyOf(labels)) ?? [];
    });
  }
}

const covers = (all: Labels, some: Labels): boolean =>
  Object.entries(some).every(([axis, label]) => all[axis] === label);

const accuraciesOf = ({ a, a_p, a_r }: TableRow): Accuracies => ({ a, a_p, a_r });

const pooled = (points: ReadonlyArray<ArmPoint>): Accuracies => {
  const of = (metric: Metric): Proportion | null =>
    clusteredProportion(
      points.flatMap(({ examples }, run) =>
        examples.map((example) => ({
          right: example[metric] === 1,
          run,
          instance: example.instance,
        })),
      ),
    );
  return Object.fromEntries(metrics.map((metric) => [metric, of(metric)])) as unknown as Accuracies;
};

/** A label that is only a number needs the name of its axis. */
export const armName = (axis: string, label: string): string =>
  nameOfArm([axis], { [axis]: label });

import { Console, Effect } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { gridLatex, gridMarkdown } from "../../kinds/gridForms.ts";
import type { NumberRows, Where } from "../../kinds/NumberRows.ts";
import { columnNames } from "../../kinds/tableColumns.ts";
import {
  nondeterministicIn,
  type NumberedRun,
  numbersAsJson,
  numbersOfRun,
} from "../../pipelines/history/runNumbers.ts";
import { styleFor } from "../view/style.ts";
import { nondeterminismText } from "../view/nondeterminismText.ts";
import { terminalWidth } from "../view/terminalWidth.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { findRun } from "./findRun.ts";
import { storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { printText } from "../view/printText.ts";
import { jsonFlag } from "./specFlags.ts";

/** Prints the numbers of a run and its nondeterministic nodes, the latter on stderr if it has no numbers. Returns how many. */
export const printTables = Effect.fnUntraced(function* (run: NumberedRun) {
  const tables = yield* numbersOfRun(run);
  const style = styleFor(process.stdout);
  for (const { node, numbers } of tables)
    yield* printText(numbers.text(`${run.run} · ${node}`, style, { width: terminalWidth() }));
  const nodes = yield* nondeterministicIn(run);
  if (nodes.length > 0 && tables.length > 0)
    yield* printText(nondeterminismText(nodes, run.run, styleFor(process.stdout)));
  else if (nodes.length > 0)
    yield* Console.error(nondeterminismText(nodes, run.run, styleFor(process.stderr)));
  return tables.length;
});

const forms = ["csv", "md", "latex"] as const;

const formFlag = (name: (typeof forms)[number], text: string) =>
  Flag.Boolean(name).pipe(Flag.withDefault(false), Flag.withDescription(text));

const viewFlags = {
  columns: Flag.String("columns").pipe(
    Flag.withDefault(""),
    Flag.withDescription(`columns, separated by commas: metrics, or ${columnNames.join(", ")}`),
  ),
  sort: Flag.String("sort").pipe(
    Flag.withDefault(""),
    Flag.withDescription("sort rows by an axis or a column, such as a (largest first) or a:asc"),
  ),
  where: Flag.String("where").pipe(
    Flag.atLeast(0),
    Flag.withDescription("axis=label: only these rows (repeatable)"),
  ),
  csv: formFlag("csv", "print every column as CSV"),
  md: formFlag("md", "print Markdown"),
  latex: formFlag("latex", "print LaTeX"),
};

interface ViewFlags {
  readonly columns: string;
  readonly sort: string;
  readonly where: ReadonlyArray<string>;
  readonly csv: boolean;
  readonly md: boolean;
  readonly latex: boolean;
}

export const tableCommand = Command.make(
  "table",
  {
    run: Argument.String("run").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("a run's name; by default the latest"),
    ),
    json: jsonFlag,
    ...viewFlags,
  },
  Effect.fn("pipe table")(function* ({ run, json, ...view }) {
    const form = yield* formOf(json, view);
    const plan = yield* findRun(run);
    const isViewed =
      form !== undefined || view.columns !== "" || view.sort !== "" || view.where.length > 0;
    const print = json ? writeTables(plan) : isViewed ? printViews(plan, view) : printTables(plan);
    const tables = yield* print.pipe(Effect.provide(Store.layerReadOnly(storeHome())));
    if (tables === 0)
      return yield* new UsageError({
        message: `${plan.run} has made no table; \`pipe status ${plan.run}\` shows its nodes`,
      });
  }),
).pipe(Command.withDescription("Print the numbers of a run"));

const formOf = (json: boolean, view: ViewFlags) => {
  const named = forms.filter((form) => view[form]);
  const others = Object.values(view).some((value) => value !== false && value.length > 0);
  const problem =
    json && (named.length > 0 || others)
      ? "`--json` prints everything; leave the other options out"
      : named.length > 1
        ? `${named.map((form) => `--${form}`).join(" and ")} are different forms; keep one`
        : view.csv && view.columns !== ""
          ? "`--csv` prints every column; leave `--columns` out"
          : undefined;
  return problem === undefined
    ? Effect.succeed(named[0])
    : Effect.fail(new UsageError({ message: problem }));
};

const writeTables = Effect.fnUntraced(function* (run: NumberedRun) {
  const tables = yield* numbersAsJson(run);
  for (const table of tables) process.stdout.write(jsonLine(table));
  return tables.length;
});

/** Prints the run's numbers as asked. */
const printViews = Effect.fnUntraced(function* (run: NumberedRun, view: ViewFlags) {
  const all = yield* numbersOfRun(run);
  const tables = all.map(({ numbers: { rows } }) => rows);
  const axes = unique(tables.flatMap((table) => table.axes));
  const columns = yield* columnsOf(view.columns, unique(tables.flatMap((table) => table.columns)));
  const where = yield* whereOf(view.where, tables, axes);
  const sortable = unique(tables.flatMap((table) => table.sortable));
  const [sort, upwards] = yield* sortOf(view.sort, [...axes, ...sortable]);
  for (const [index, { node, numbers }] of all.entries()) {
    const chosen = numbers.rows.where(where);
    const sorted = sort === "" ? chosen : chosen.sorted(sort, upwards);
    const text = view.csv
      ? sorted.csv()
      : view.md
        ? sorted.grids(columns).map(gridMarkdown).join("\n")
        : view.latex
          ? sorted.grids(columns).map(gridLatex).join("\n")
          : `${sorted.text(`${run.run} · ${node}`, styleFor(process.stdout), {
              width: terminalWidth(),
              ...(columns === undefined ? {} : { columns }),
            })}\n`;
    // A blank line ends a table in Markdown, and is where a program cuts CSV.
    yield* Effect.sync(() => process.stdout.write(index === 0 ? text : `\n${text}`));
  }
  return all.length;
});

const unique = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)];

const columnsOf = (text: string, valid: ReadonlyArray<string>) => {
  if (text === "") return Effect.succeed(undefined);
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !valid.includes(name));
  return unknown === undefined
    ? Effect.succeed(names)
    : Effect.fail(unknownNameError("column", unknown, valid, "--columns: "));
};

const whereOf = Effect.fnUntraced(function* (
  conditions: ReadonlyArray<string>,
  tables: ReadonlyArray<NumberRows>,
  axes: ReadonlyArray<string>,
) {
  const where = new Map<string, ReadonlyArray<string>>();
  for (const condition of conditions) {
    const axis = axes.find((name) => condition.startsWith(`${name}=`));
    if (axis === undefined)
      return yield* unknownNameError("axis", condition.replace(/=.*$/u, ""), axes, "--where: ");
    const label = condition.slice(axis.length + 1);
    const labels = unique(tables.flatMap((table) => table.labels.flatMap((of) => of[axis] ?? [])));
    if (!labels.includes(label))
      return yield* unknownNameError(`label of \`${axis}\``, label, labels, "--where: ");
    where.set(axis, [...(where.get(axis) ?? []), label]);
  }
  return where satisfies Where;
});

const sortOf = (text: string, valid: ReadonlyArray<string>) => {
  const [, name = text, order] = /^(.*?)(?::(asc|desc))?$/u.exec(text) ?? [];
  return name === "" || valid.includes(name)
    ? Effect.succeed([name, order === undefined ? null : order === "asc"] as const)
    : Effect.fail(unknownNameError("column", name, valid, "--sort: "));
};

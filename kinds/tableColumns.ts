/** The columns of a table that people can ask for, each with its value for sorting and its text. */
import type { Cell } from "./gridText.ts";
import {
  captionErrors,
  otherErrors,
  type Proportion,
  type Table,
  type TableRow,
} from "./TableFile.ts";
import { printableName } from "./terminal.ts";

export interface TableColumn {
  readonly name: string;
  readonly isLabel?: true;
  readonly dropped?: number;
  readonly value: (row: TableRow) => number | string | null;
  readonly cell: (row: TableRow) => Cell;
}

export const none: Cell = { text: "–" };

/** Three decimals without the zero before the point. */
export const shareText = (value: number): string => value.toFixed(3).replace(/^(-?)0\./u, "$1.");

export const intervalText = (low: number, high: number): string =>
  `[${shareText(low)}, ${shareText(high)}]`;

const accuracy = (name: "a" | "a_p" | "a_r" | "a_if_right" | "a_if_wrong"): TableColumn => ({
  name,
  value: (row) => row[name]?.value ?? null,
  cell: (row) => proportionCell(row[name] ?? null),
});

const proportionCell = (found: typeof Proportion.Type | null): Cell => {
  if (found === null) return none;
  const { value, low, high, sd } = found;
  const spread = typeof sd === "number" ? ` sd ${shareText(sd)}` : "";
  return { text: `${shareText(value)}${spread}`, under: intervalText(low, high) };
};

const count = (name: string, value: (row: TableRow) => number | null): TableColumn => ({
  name,
  value,
  cell: (row) => ({ text: String(value(row) ?? "–") }),
});

/** Captions with such an error, and how many of their answers are wrong. */
const captionError = (name: (typeof captionErrors)[number]): TableColumn => ({
  name,
  value: ({ errors }) => (errors ? errors[name].harmless + errors[name].fatal : null),
  cell: ({ errors }) =>
    errors
      ? {
          text: String(errors[name].harmless + errors[name].fatal),
          under: `(${errors[name].fatal} fatal)`,
        }
      : none,
});

const otherError = (name: (typeof otherErrors)[number]): TableColumn =>
  count(name, ({ errors }) => errors?.[name] ?? null);

const numbers: ReadonlyArray<TableColumn> = [
  { ...count("n", ({ a }) => a?.n ?? 0), dropped: 1 },
  count("instances", ({ a }) => a?.instances ?? null),
  count("points", ({ points }) => points),
  accuracy("a"),
  accuracy("a_p"),
  accuracy("a_r"),
  {
    name: "F1",
    dropped: 2,
    value: ({ perception_f1: f1 }) => f1,
    cell: ({ perception_f1: f1 }) => (f1 === null ? none : { text: shareText(f1) }),
  },
  accuracy("a_if_right"),
  accuracy("a_if_wrong"),
  ...captionErrors.map(captionError),
  ...otherErrors.map(otherError),
];

/** Names for several columns. */
const groups: Readonly<Record<string, ReadonlyArray<string>>> = {
  accuracies: ["n", "a", "a_p", "a_r", "F1"],
  decomposition: ["a", "a_p", "a_if_right", "a_if_wrong"],
  errors: ["n", ...captionErrors, ...otherErrors],
};

/** The meanings of columns, for the line under a table. */
const meanings: ReadonlyArray<readonly [names: ReadonlyArray<string>, text: string]> = [
  [["a"], "a end to end"],
  [["a_p"], "a_p perception"],
  [["a_r"], "a_r reasoning from the oracle perception"],
  [["a_if_right", "a_if_wrong"], "a_if_right, a_if_wrong: a where the caption is right, wrong"],
  [
    ["extra"],
    "extra, missing, wrong: captions with such an edge or digit; fatal: and a wrong answer",
  ],
  [["reasoning"], "reasoning: wrong answers to right captions"],
  [["truncated"], "truncated: no answer, since the text breaks off or `max_tokens` cut it off"],
];

export const legendOf = (names: ReadonlyArray<string>): string =>
  meanings
    .filter(([about]) => about.some((name) => names.includes(name)))
    .map(([, text]) => text)
    .join(" · ");

/** The names of single columns, by which rows can be sorted. */
export const numberNames: ReadonlyArray<string> = numbers.map(({ name }) => name);

export const columnNames: ReadonlyArray<string> = [...Object.keys(groups), ...numberNames];

export const defaultColumns: ReadonlyArray<string> = ["accuracies"];

/** The columns of names and groups, once each; unknown names are left out. */
export const columnsNamed = (names: ReadonlyArray<string>): ReadonlyArray<TableColumn> => {
  const wanted = names.flatMap((name) => groups[name] ?? [name]);
  return [...new Set(wanted)].flatMap((name) => numbers.filter((each) => each.name === name));
};

/** The axes that some row has a label of. */
export const axisColumns = (
  { axes }: Table,
  rows: ReadonlyArray<TableRow>,
): ReadonlyArray<TableColumn> =>
  axes
    .filter((axis) => rows.some(({ labels }) => labels[axis] !== undefined))
    .map((axis) => ({
      name: axis,
      isLabel: true,
      value: ({ labels }) => labels[axis] ?? null,
      cell: ({ labels }) => ({ text: printableName(labels[axis] ?? "") }),
    }));

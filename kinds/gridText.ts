/** Columns of cells that fit a width: an interval moves under its number, then columns are left out; a number never breaks. */
import { padEnd, padStart, shortenMiddle, type Style, width } from "./terminal.ts";

export interface Cell {
  readonly text: string;
  /** Stands beside the text, or under it where there is no room. */
  readonly under?: string;
}

export interface Column {
  readonly name: string;
  readonly isLabel?: true;
  /** Left out where there is no room, the highest first. */
  readonly dropped?: number;
  readonly cells: ReadonlyArray<Cell>;
}

export const gridText = (
  columns: ReadonlyArray<Column>,
  room: number,
  style: Style,
): ReadonlyArray<string> => {
  const shown = fitting(columns, room);
  const rows = shown.columns[0]?.cells.length ?? 0;
  const widths = shown.columns.map((column) => widthOf(column, shown.stacked));
  const line = (texts: ReadonlyArray<string>): string =>
    texts
      .map((text, place) =>
        (shown.columns[place]?.isLabel ? padEnd : padStart)(text, widths[place] ?? 0),
      )
      .join("  ")
      .trimEnd();
  const cellLines = (row: number): ReadonlyArray<string> => {
    const cells = shown.columns.map(({ cells }) => cells[row] ?? { text: "" });
    if (!shown.stacked) return [line(cells.map(inlineText))];
    const below = cells.map(({ under = "" }) => under);
    return [
      line(cells.map(({ text }) => text)),
      ...(below.every((text) => text === "") ? [] : [line(below)]),
    ];
  };
  return [
    style.dim(line(shown.columns.map(({ name }) => name))),
    ...Array.from({ length: rows }, (_, row) => cellLines(row)).flat(),
  ];
};

export const inlineText = ({ text, under = "" }: Cell): string =>
  under === "" ? text : `${text} ${under}`;

const widthOf = ({ name, cells }: Column, stacked: boolean): number =>
  Math.max(
    width(name),
    ...cells.map((cell) =>
      stacked ? Math.max(width(cell.text), width(cell.under ?? "")) : width(inlineText(cell)),
    ),
  );

interface Fitting {
  readonly columns: ReadonlyArray<Column>;
  readonly stacked: boolean;
}

/** The first that fits: without each droppable column in turn, first with intervals beside their numbers, then under them. */
const fitting = (columns: ReadonlyArray<Column>, room: number): Fitting => {
  const order = columns
    .filter(({ dropped }) => dropped !== undefined)
    .toSorted((one, other) => other.dropped! - one.dropped!);
  const choices = [false, true].flatMap((stacked) =>
    Array.from({ length: order.length + 1 }, (_, count) => ({
      columns: columns.filter((column) => !order.slice(0, count).includes(column)),
      stacked,
    })),
  );
  const fits = choices.find((choice) => totalWidth(choice) <= room);
  return fits ?? withShortLabels(choices.at(-1)!, room);
};

const totalWidth = ({ columns, stacked }: Fitting): number =>
  columns.reduce((sum, column) => sum + widthOf(column, stacked) + 2, -2);

/** Shortens labels, which alone may be shortened, as far as they stay recognisable. */
const withShortLabels = ({ columns, stacked }: Fitting, room: number): Fitting => {
  const labels = columns.filter(({ isLabel }) => isLabel);
  const excess = totalWidth({ columns, stacked }) - room;
  const each = Math.ceil(excess / Math.max(1, labels.length));
  return {
    columns: columns.map((column) => {
      if (!column.isLabel) return column;
      const cells = Math.max(6, widthOf(column, stacked) - each);
      return {
        ...column,
        name: shortenMiddle(column.name, cells),
        cells: column.cells.map(({ text }) => ({ text: shortenMiddle(text, cells) })),
      };
    }),
    stacked,
  };
};

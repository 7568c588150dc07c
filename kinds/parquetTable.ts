/** A table as one Parquet file, for pandas, DuckDB and the like. */
import { parquetWriteFile } from "hyparquet-writer";

export type Cell = string | number | boolean | null;
export type TableLine = Readonly<Record<string, Cell>>;

const types = { string: "STRING", number: "DOUBLE", boolean: "BOOLEAN" } as const;

/** A line lacks a value where it lacks the column; a column has the type of its first value. */
export const writeParquetTable = (filename: string, lines: ReadonlyArray<TableLine>): void => {
  const names = new Set(lines.flatMap((line) => Object.keys(line)));
  const columnData = [...names].map((name) => {
    const data = lines.map((line) => line[name] ?? null);
    const first = data.find((value) => value !== null) ?? "";
    return { name, data, type: types[typeof first as keyof typeof types], nullable: true };
  });
  parquetWriteFile({ filename, columnData });
};

/** Tables as Parquet files, read back. */
import { assert, it } from "@effect/vitest";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { writeParquetTable } from "../../kinds/parquetTable.ts";

it("keeps texts, numbers and truth values, and null where a line lacks one", async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "parquet-table-"));
  try {
    const file = path.join(directory, "t.parquet");
    const lines = [
      { node: "a[x=λ]", value: 0.1, isRight: true, reason: null },
      { node: "b", value: 3, isRight: false, reason: "no-caption" },
      { node: "c", value: -1e-9, reward: 1 },
    ];
    writeParquetTable(file, lines);
    const read = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
    assert.deepStrictEqual(
      read.map((line) =>
        Object.fromEntries(Object.entries(line).filter(([, cell]) => cell != null)),
      ),
      lines.map((line) =>
        Object.fromEntries(Object.entries(line).filter(([, cell]) => cell !== null)),
      ),
    );
    assert.deepStrictEqual(Object.keys(read[0]!), ["node", "value", "isRight", "reason", "reward"]);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
});

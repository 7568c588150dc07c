import { assert, it } from "@effect/vitest";
import { tableDifference } from "../../../pipelines/history/tableDifference.ts";
import type { Table, TableRow } from "../../../kinds/TableFile.ts";
import { wilson } from "../../../stats/wilson.ts";

const row = (loss: string, successes: number, points = 1): TableRow => ({
  labels: { loss },
  points,
  a: wilson(successes, 100),
  a_p: wilson(50, 100),
  a_r: null,
  perception_f1: 0.5,
  reasons: {},
});

const table = (rows: ReadonlyArray<TableRow>, pooled: ReadonlyArray<TableRow> = []): Table => ({
  format: 1,
  models: [],
  interval: "Wilson 95 %",
  axes: ["loss"],
  pooledOver: [],
  rows,
  pooled,
});

it("lists only changed rows, with the interval of the difference and whether it contains zero", () => {
  const old = table([row("same", 40), row("a bit", 40), row("a lot", 40), row("gone", 1)]);
  const now = table([row("a lot", 80), row("a bit", 42), row("same", 40), row("new", 1)]);
  const found = tableDifference(old, now);
  assert.strictEqual(found.same, 1);
  assert.deepStrictEqual(
    found.changed.map(({ labels, metrics }) => [labels["loss"], metrics[0]?.withinNoise]),
    [
      ["a lot", false],
      ["a bit", true],
    ],
  );
  const [lot] = found.changed[0]?.metrics ?? [];
  assert.closeTo(lot?.difference?.value ?? 0, 0.4, 1e-12);
  assert.isTrue((lot?.difference?.low ?? 0) > 0.2 && (lot?.difference?.high ?? 0) < 0.6);
  assert.isUndefined(found.changed[0]?.metrics[2]?.difference);
  assert.deepStrictEqual(
    [found.onlyOld, found.onlyNew].map((rows) => rows.map(({ labels }) => labels["loss"])),
    [["gone"], ["new"]],
  );
});

it("lists a pooled row only where it pools several points", () => {
  const found = tableDifference(
    table([], [row("one", 10, 1), row("three", 10, 3)]),
    table([], [row("one", 20, 1), row("three", 20, 3)]),
  );
  assert.deepStrictEqual(
    found.changed.map(({ pooled }) => pooled),
    [3],
  );
});

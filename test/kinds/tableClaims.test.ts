/** The numbers that a bundle claims of a table: each once. */
import { assert, it } from "@effect/vitest";
import { tableClaims } from "../../kinds/tableClaims.ts";
import type { Table, TableRow } from "../../kinds/TableFile.ts";

const accuracy = { successes: 1, n: 2, value: 0.5, low: 0.1, high: 0.9 };

const row = (labels: TableRow["labels"], points: number): TableRow =>
  ({
    labels,
    points,
    a: accuracy,
    a_p: null,
    a_r: null,
    perception_f1: null,
    reasons: {},
  }) as never;

const table = (format: 1 | 2, seeds: Readonly<Record<string, number>>): Table =>
  ({
    format,
    interval: "Wilson 95 %",
    axes: ["loss", "seed"],
    pooledOver: ["seed"],
    rows: Object.entries(seeds).flatMap(([loss, count]) =>
      Array.from({ length: count }, (_, seed) => row({ loss, seed: String(seed) }, 1)),
    ),
    pooled: Object.entries(seeds).map(([loss, count]) => row({ loss }, count)),
  }) as never;

const claimed = (made: Table) => {
  const { numbers } = tableClaims("t", made);
  return {
    ids: numbers.map(({ id }) => id),
    shown: numbers.filter(({ headline }) => headline !== undefined).map(({ id }) => id),
  };
};

it("a row pooled over one seed is not told again", () => {
  const { ids, shown } = claimed(table(2, { token: 1, ngdiff: 2 }));
  const [token, first, second] = ["token,seed=0", "ngdiff,seed=0", "ngdiff,seed=1"];
  assert.deepStrictEqual(ids, [
    `t[loss=${token}]/a`,
    `t[loss=${first}]/a`,
    `t[loss=${second}]/a`,
    "t[loss=ngdiff]/a",
  ]);
  assert.deepStrictEqual(shown, [`t[loss=${token}]/a`, "t[loss=ngdiff]/a"]);
});

it("bundles with tables of format 1 still claim it", () => {
  const { ids, shown } = claimed(table(1, { token: 1 }));
  assert.deepStrictEqual(ids, ["t[loss=token,seed=0]/a", "t[loss=token]/a"]);
  assert.deepStrictEqual(shown, ["t[loss=token]/a"]);
});

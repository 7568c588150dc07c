/** Shards: files whose names say how many there are, such as `test-00001-of-00003.parquet`. */

const shardName = /-(\d+)-of-(\d+)(?=\.[^.]+$)/u;
const shownNames = 3;

export const isShard = (name: string): boolean => shardName.test(name);

/** The table that a Parquet shard is a part of: `test` in the example above. Undefined for other files. */
export const tableOfShard = (name: string): string | undefined =>
  /^(.+)-\d+-of-\d+\.parquet$/u.exec(name)?.[1];

/** The absent shards of one table, numbered from 0, as the end of a sentence; undefined if all are there. */
export const shardProblem = (names: ReadonlyArray<string>): string | undefined => {
  const totals = new Map(names.map((name) => [Number(shardName.exec(name)?.[2]), name]));
  if (totals.size > 1)
    return `has shards of ${[...totals.keys()].join(" and of ")}: ${[...totals.values()].join(", ")}`;
  const [total = 0] = totals.keys();
  const present = new Set(names.map((name) => Number(shardName.exec(name)?.[1])));
  const absent: Array<string> = [];
  let count = 0;
  for (let number = 0; number < total; number += 1) {
    if (present.has(number)) continue;
    count += 1;
    if (absent.length < shownNames) absent.push(numbered(names[0]!, number));
  }
  if (count === 0) return undefined;
  return `lacks ${absent.join(", ")}${count > absent.length ? ` and ${count - absent.length} more` : ""}`;
};

const numbered = (name: string, number: number): string =>
  name.replace(
    shardName,
    (_, digits: string, total: string) =>
      `-${String(number).padStart(digits.length, "0")}-of-${total}`,
  );

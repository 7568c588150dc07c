/** Shards: files whose names say how many there are, such as `test-00001-of-00003.parquet`. */

const shardName = /-(\d+)-of-(\d+)(?=\.[^.]+$)/u;
const shownNames = 3;

/** The absent shards of one table or model, as the end of a sentence; undefined if all are there. `first` is the first one's number. */
export const shardProblem = (names: ReadonlyArray<string>, first: number): string | undefined => {
  const totals = [...new Set(names.map((name) => Number(shardName.exec(name)?.[2])))];
  if (totals.length > 1) return `has shards of ${totals.join(" and of ")}`;
  const [total = 0] = totals;
  const present = new Set(names.map((name) => Number(shardName.exec(name)?.[1])));
  const absent: Array<string> = [];
  let count = 0;
  for (let number = first; number < first + total; number += 1) {
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

import { assert, describe, it } from "@effect/vitest";
import { chooseGoing, type RunRoot } from "../../cache/chooseGoing.ts";
import type { Holding } from "../../cache/Holdings.ts";
import type { Action } from "../../schemas/Artifact.ts";

const holding = (
  digest: string,
  blobs: Readonly<Record<string, number>>,
  { seconds = 1, finishedAt = "2026-01-01", inputs = [] as ReadonlyArray<string> } = {},
): Holding => ({
  digest,
  recipes: [`recipe of ${digest}`],
  blobs: new Map(Object.entries(blobs)),
  madeBy: { cost: { wallSeconds: seconds }, finishedAt } as Action,
  inputs: new Set(inputs),
});

const run = (name: string, artifacts: ReadonlyArray<string>, lives = false): RunRoot => ({
  run: name,
  begunAt: 0,
  lives,
  recipes: new Set(artifacts.map((digest) => `recipe of ${digest}`)),
  artifacts: new Set(),
});

const choice = (
  holdings: ReadonlyArray<Holding>,
  runs: ReadonlyArray<RunRoot>,
  { tagged = [] as ReadonlyArray<string>, maxBytes = Infinity } = {},
) =>
  chooseGoing({
    artifacts: new Map(holdings.map((each) => [each.digest, each])),
    roots: { runs, tagged: new Set(tagged) },
    maxBytes,
  });

const names = (going: ReturnType<typeof choice>) => going.map((each) => each.holding.digest);

describe("an artifact that nothing reaches", () => {
  it("is deleted; an artifact of a run or tag stays", () => {
    const all = ["asked", "named", "tagged", "nobody's"].map((digest) => holding(digest, {}));
    const byName = { ...run("r", ["asked"]), artifacts: new Set(["named"]) };
    assert.deepStrictEqual(names(choice(all, [byName], { tagged: ["tagged"] })), ["nobody's"]);
  });

  it("frees a shared blob with its last artifact, and never a blob of a staying artifact", () => {
    const all = [
      holding("one", { shared: 10, own: 1 }),
      holding("two", { shared: 10, kept: 100 }),
      holding("stays", { kept: 100 }, { inputs: ["one"] }),
    ];
    assert.deepStrictEqual(
      choice(all, [run("r", ["stays"])]).map(({ freed, staying }) => [freed, staying]),
      [
        [1, 1],
        [10, 0],
      ],
    );
  });
});

describe("to make room,", () => {
  const all = [
    holding("dear", { a: 100 }, { seconds: 500 }),
    holding("cheap", { b: 100 }, { seconds: 1, finishedAt: "2026-02-01" }),
    holding("cheap and older", { c: 100 }, { seconds: 1 }),
    holding("large", { d: 10_000 }, { seconds: 50 }),
    holding("newest", { e: 100 }, { seconds: 0 }),
    holding("alive", { f: 100 }, { seconds: 0 }),
  ];
  const runs = [
    run("old", ["dear", "cheap", "cheap and older", "large"]),
    run("living", ["alive"], true),
    run("new", ["newest"]),
  ];

  it("artifacts of the fewest seconds per byte are deleted first, of equal ones the older, and no more than needed", () => {
    assert.deepStrictEqual(names(choice(all, runs, { maxBytes: 10_500 })), []);
    assert.deepStrictEqual(names(choice(all, runs, { maxBytes: 10_499 })), ["large"]);
    assert.deepStrictEqual(names(choice(all, runs, { maxBytes: 499 })), [
      "large",
      "cheap and older",
    ]);
  });

  it("artifacts of the newest run, a living run or a tag are never deleted", () => {
    const going = choice(all, runs, { maxBytes: 0, tagged: ["dear"] });
    assert.deepStrictEqual(names(going), ["large", "cheap and older", "cheap"]);
  });

  it("an artifact that frees nothing stays, since others share all of it", () => {
    const sharing = [holding("twin", { e: 100 }, { seconds: 0 }), ...all];
    const old = run("older", ["twin"]);
    assert.notInclude(names(choice(sharing, [old, ...runs], { maxBytes: 0 })), "twin");
  });
});

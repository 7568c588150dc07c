/** The view of a run, event by event: what stays, what moves, and that it never outgrows the terminal. */
import { assert, describe, it } from "@effect/vitest";
import {
  advance,
  emptyView,
  liveLines,
  type RenderOptions,
  type RunView,
} from "../../../bin/view/RunView.ts";
import { styleFor } from "../../../bin/view/style.ts";
import type { Happening } from "../../../pipelines/Events.ts";
import type { Event } from "../../../schemas/Event.ts";

const style = styleFor({});
const options = (live: boolean): RenderOptions => ({
  style,
  live,
  again: "again",
  only: (node) => `only ${node}`,
});
const screen = { columns: 100, rows: 10 };

const at = (second: number) => new Date(second * 1000).toISOString();

/** The view after events, a second apart each, and the lines they gave. */
const after = (happenings: ReadonlyArray<Happening>, live = true) => {
  const lines: Array<string> = [];
  let view: RunView = emptyView;
  for (const [second, happening] of happenings.entries()) {
    const [next, added] = advance(view, { ...happening, at: at(second) } as Event, options(live));
    view = next;
    lines.push(...added);
  }
  return { lines, live: liveLines(view, happenings.length * 1000, screen, style) };
};

const begun: Happening = {
  _tag: "RunStarted",
  run: "e-1",
  experiment: "e",
  nodes: 400,
  cached: 50,
  jobs: 2,
};
const started = (node: string): Happening => ({
  _tag: "NodeStarted",
  node,
  recipe: "",
  attempt: "",
  log: "",
});
const failed = (
  node: string,
  message = "broken",
  logTail: ReadonlyArray<string> = [],
): Happening => ({
  _tag: "NodeFailed",
  node,
  message,
  fix: "mend it",
  logTail,
  kept: "/work/there",
  seconds: 1,
});
const finished: Happening = {
  _tag: "RunFinished",
  run: "e-1",
  status: "failed",
  executed: 0,
  reused: 50,
  failed: 300,
  skipped: 0,
  seconds: 60,
};

const points = (count: number) => Array.from({ length: count }, (_, index) => `mid[x=${index}]`);

describe("the live part", () => {
  it("counts what was cached as settled", () => {
    const { live } = after([begun, started("a"), failed("a"), started("b")]);
    assert.strictEqual(live[0], "  51/400 nodes");
  });

  it("shows who waits for whom until the wait is over, and counts the time of the try alone", () => {
    const waiting: Happening = { _tag: "NodeWaiting", node: "a", owner: "process 7" };
    const waits = after([begun, waiting]).live[1] ?? "";
    assert.match(waits, /a .+waiting for process 7/u);
    const works = after([begun, waiting, started("a")]).live[1] ?? "";
    assert.notInclude(works, "waiting");
    assert.include(works, "1.0 s");
  });

  it("says of a node to be tried again what it waits for, and forgets how far it was", () => {
    const progress: Happening = {
      _tag: "NodeProgress",
      node: "a",
      done: 3,
      total: 4,
      unit: "steps",
    };
    const retried: Happening = { _tag: "NodeRetried", node: "a", message: "lost", seconds: 8 };
    const { lines, live } = after([begun, started("a"), progress, retried]);
    assert.match(live[1] ?? "", /again in 8\.0 s/u);
    assert.notInclude(live[1] ?? "", "█");
    assert.include(lines.at(-1) ?? "", "try 1 was failed by the machinery (lost)");
    const again = after([begun, started("a"), retried, started("a"), retried]);
    assert.include(again.lines.at(-1) ?? "", "try 2 was failed");
  });

  it("counts failures that are like one shown before", () => {
    const { lines, live } = after([
      begun,
      ...points(300).map((node) => failed(node)),
      started("b"),
    ]);
    assert.strictEqual(lines.filter((line) => line.startsWith("✗")).length, 1);
    assert.include(live.join("\n"), "✗ 299 more points of mid failed alike: broken");
  });

  it("stays within the terminal, with those at work before those that wait", () => {
    const waiting = points(50).map((node): Happening => ({
      _tag: "NodeWaiting",
      node,
      owner: "p",
    }));
    const { live } = after([begun, ...waiting, started("b")]);
    assert.isBelow(live.length, screen.rows);
    assert.include(live[1], "b");
    assert.match(live.at(-1) ?? "", /and 45 more/u);
  });
});

it("a terminal that is hardly one gets what fits", () => {
  let view: RunView = emptyView;
  for (const happening of [begun, started("a")])
    [view] = advance(view, { ...happening, at: at(0) } as Event, options(true));
  for (const columns of [0, 1, 2, 3, 5]) {
    const lines = liveLines(view, 0, { columns, rows: 0 }, style);
    assert.isBelow(lines.length, 4, `${columns} columns`);
  }
});

describe("plain lines", () => {
  it("tell of further equal failures now and then, and of all at the end", () => {
    const { lines } = after([begun, ...points(300).map((node) => failed(node)), finished], false);
    const told = lines.filter((line) => /^✗ \d+ more points? of mid failed alike/u.test(line));
    assert.isAbove(told.length, 3);
    assert.isBelow(told.length, 30);
    assert.include(lines.join("\n"), "300 points of mid failed alike: broken");
  });

  it("tell messages apart by exit codes, and not by paths or other numbers", () => {
    const messages = ["exit code 3", "exit code 34", "exit code 4"];
    const alike = ["no /work/1/x", "no /work/2/x", "row 12 is odd", "row 9 is odd"];
    const failures = [...messages, ...alike].map((message, index) =>
      failed(`mid[x=${index}]`, message),
    );
    const { lines } = after([begun, ...failures], false);
    assert.strictEqual(lines.filter((line) => line.startsWith("✗")).length, 5);
  });

  it("have the message of a single failure once, though its log ends with it", () => {
    const logTail = ["step 1", "broken as can be. mend it", "a broken pipe"];
    const one = failed("a", "broken as can be.", logTail);
    const { lines } = after([begun, started("a"), one, finished], false);
    const told = lines.filter((line) => line.includes("broken"));
    assert.deepStrictEqual(told, ["  broken as can be.", "  │ a broken pipe"]);
    assert.include(lines.join("\n"), "  a failed, as told above\ngo on with");
  });

  it("list several failures at the end", () => {
    const several = [failed("a", "odd"), failed("b", "strange"), finished];
    const { lines } = after([begun, started("a"), started("b"), ...several], false);
    assert.includeMembers([...lines], ["  a failed: odd", "  b failed: strange"]);
  });

  it("stay readable where everything fails in a way of its own", () => {
    const failures = Array.from({ length: 200 }, (_, code) =>
      failed(`m[x=${code}]`, `exit code ${code}`),
    );
    const { lines } = after([begun, ...failures, finished], false);
    assert.strictEqual(lines.filter((line) => line.startsWith("✗")).length, 200);
    assert.strictEqual(lines.filter((line) => line.includes("kept in")).length, 20);
    assert.include(lines.join("\n"), "… and 192 nodes that failed in 192 other ways");
  });

  it("obey nothing that a node says", () => {
    const hostile = "\u001B[2J";
    const { lines } = after(
      [begun, started("a"), failed("a", hostile), failed("b[x=1]", hostile), finished],
      false,
    );
    assert.notInclude(lines.join("\n"), "\u001B");
  });
});

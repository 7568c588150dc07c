/** The view of a run, event by event: permanent lines, the live part, and that it fits the terminal. */
import { assert, describe, it } from "@effect/vitest";
import { liveLines } from "../../../bin/view/liveLines.ts";
import { advance, emptyView, type RenderOptions, type RunView } from "../../../bin/view/RunView.ts";
import { styleFor } from "../../../bin/view/style.ts";
import type { UntimedEvent } from "../../../pipelines/run/Events.ts";
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

/** The view after events one second apart, and their lines. */
const after = (happenings: ReadonlyArray<UntimedEvent>, live = true) => {
  const lines: Array<string> = [];
  let view: RunView = emptyView;
  for (const [second, happening] of happenings.entries()) {
    const [next, added] = advance(view, { ...happening, at: at(second) } as Event, options(live));
    view = next;
    lines.push(...added);
  }
  return { lines, live: liveLines(view, happenings.length * 1000, screen, style) };
};

const begun: UntimedEvent = {
  _tag: "RunStarted",
  run: "e-1",
  experiment: "e",
  nodes: 400,
  cached: 50,
  jobs: 2,
  due: { mid: 300, a: 1 },
};
const started = (node: string): UntimedEvent => ({
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
): UntimedEvent => ({
  _tag: "NodeFailed",
  node,
  message,
  fix: "mend it",
  logTail,
  kept: "/work/there",
  seconds: 1,
});
const finished: UntimedEvent = {
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
    assert.strictEqual(live[0], "  51/400 nodes · 1 running · 1 failed");
  });

  it("shows whom a node waits for, and counts only the time of the attempt", () => {
    const waiting: UntimedEvent = { _tag: "NodeWaiting", node: "a", owner: "process 7" };
    const waits = after([begun, waiting]).live[1] ?? "";
    assert.match(waits, /a .+waiting for process 7/u);
    const works = after([begun, waiting, started("a")]).live[1] ?? "";
    assert.notInclude(works, "waiting");
    assert.include(works, "1.0 s");
  });

  it("shows the pause of a retried node, without its old progress", () => {
    const progress: UntimedEvent = {
      _tag: "NodeProgress",
      node: "a",
      done: 3,
      total: 4,
      unit: "steps",
    };
    const retried: UntimedEvent = { _tag: "NodeRetried", node: "a", message: "lost", seconds: 8 };
    const { lines, live } = after([begun, started("a"), progress, retried]);
    assert.match(live[1] ?? "", /retrying in 8\.0 s/u);
    assert.notInclude(live[1] ?? "", "█");
    assert.include(
      lines.at(-1) ?? "",
      "attempt 1 failed (infrastructure: lost); retrying in 8.0 s",
    );
    const again = after([begun, started("a"), retried, started("a"), retried]);
    assert.include(again.lines.at(-1) ?? "", "attempt 2 failed");
  });

  it("counts failures equal to one shown before", () => {
    const { lines, live } = after([
      begun,
      ...points(300).map((node) => failed(node)),
      started("b"),
    ]);
    assert.strictEqual(lines.filter((line) => line.startsWith("✗")).length, 1);
    assert.include(live.join("\n"), "✗ 299 more points of mid failed the same way: broken");
  });

  it("stays within the terminal, running nodes before waiting ones", () => {
    const waiting = points(50).map((node): UntimedEvent => ({
      _tag: "NodeWaiting",
      node,
      owner: "p",
    }));
    const { live } = after([begun, ...waiting, started("b")]);
    assert.isBelow(live.length, screen.rows);
    assert.match(live[1] ?? "", /mid +░+ 0\/300 · 50 running/u);
    assert.include(live[2], "b");
    assert.match(live.at(-1) ?? "", /and 46 more/u);
  });
});

describe("widths", () => {
  const model = "model[loss=token,seed=0]";
  const training: ReadonlyArray<UntimedEvent> = [
    { ...begun, due: { model: 100 } } as UntimedEvent,
    started(model),
    { _tag: "NodeProgress", node: model, done: 100, total: 500, unit: "steps" },
    { _tag: "NodeProgress", node: model, done: 200, total: 500, unit: "steps" },
    { _tag: "NodeMetrics", node: model, step: 200, values: { lambda: 0.3, loss: 0.41 } },
  ];

  for (const columns of [60, 80, 120, 200])
    it(`${columns} columns show the time left and the loss, and no line wraps`, () => {
      let view: RunView = emptyView;
      for (const [second, happening] of training.entries())
        [view] = advance(view, { ...happening, at: at(second) } as Event, options(true));
      const lines = liveLines(view, 4000, { columns, rows: 24 }, style);
      for (const line of lines) assert.isBelow(line.length, columns);
      // 100 steps in the two seconds since the first report: 300 steps in six, 9 s a point.
      const node = lines.at(-1) ?? "";
      assert.include(node, "6.0 s left  loss 0.41");
      assert.match(node, /^▸ model\[.*seed=0\]/u);
      assert.match(lines[1] ?? "", /model +░+ 0\/100 · 1 running · 14 m 57 s left/u);
      if (columns >= 120) assert.include(node, "200/500 steps");
    });
});

it("the latest validation of a training stays and comes before its other metrics", () => {
  const model = "model[seed=0]";
  const reports: ReadonlyArray<UntimedEvent> = [
    begun,
    started(model),
    { _tag: "NodeMetrics", node: model, step: 20, values: { L_p: 0.5, val_a: 0.25 } },
    { _tag: "NodeMetrics", node: model, step: 30, values: { L_p: 0.41 } },
  ];
  let view: RunView = emptyView;
  for (const [second, happening] of reports.entries())
    [view] = advance(view, { ...happening, at: at(second) } as Event, options(true));
  const lines = liveLines(view, 4000, { columns: 80, rows: 24 }, style);
  assert.include(lines.at(-1) ?? "", "val_a 0.25  L_p 0.41");
});

it("a line of a finished node ends with the facts that fit a terminal; a log has them all", () => {
  const made: UntimedEvent = {
    _tag: "NodeSucceeded",
    node: "model[loss=token,seed=0]",
    artifact: "",
    seconds: 30,
    summary: { step: 45, L_p: 1.87, L_r: 0.62, lambda: 0.5, accuracy: 0.81, note: "a\u001B[2J" },
  };
  const lineAt = (columns?: number) => {
    const size = columns === undefined ? {} : { columns };
    const event = { ...made, at: at(0) } as Event;
    return advance(emptyView, event, { ...options(true), ...size })[1].join("\n");
  };
  assert.isTrue(
    lineAt().endsWith("step 45  L_p 1.87  L_r 0.62  lambda 0.5  accuracy 0.81  note a\\x1b[2J"),
  );
  for (const columns of [50, 60, 80, 100]) assert.isBelow(lineAt(columns).length, columns);
  assert.isTrue(lineAt(80).endsWith("30 s       step 45  L_p 1.87  L_r 0.62"));
});

it("a narrow terminal gets what fits", () => {
  let view: RunView = emptyView;
  for (const happening of [begun, started("a")])
    [view] = advance(view, { ...happening, at: at(0) } as Event, options(true));
  for (const columns of [0, 1, 2, 3, 5]) {
    const lines = liveLines(view, 0, { columns, rows: 0 }, style);
    assert.isBelow(lines.length, 4, `${columns} columns`);
  }
});

describe("plain lines", () => {
  it("report equal failures now and then, and all at the end", () => {
    const { lines } = after([begun, ...points(300).map((node) => failed(node)), finished], false);
    const repeats = lines.filter((line) =>
      /^✗ \d+ more points? of mid failed the same way/u.test(line),
    );
    assert.isAbove(repeats.length, 3);
    assert.isBelow(repeats.length, 30);
    assert.include(lines.join("\n"), "300 points of mid failed the same way: broken");
  });

  it("group messages that differ in paths or numbers, but not in exit codes", () => {
    const messages = ["exit code 3", "exit code 34", "exit code 4"];
    const alike = ["no /work/1/x", "no /work/2/x", "row 12 is odd", "row 9 is odd"];
    const failures = [...messages, ...alike].map((message, index) =>
      failed(`mid[x=${index}]`, message),
    );
    const { lines } = after([begun, ...failures], false);
    assert.strictEqual(lines.filter((line) => line.startsWith("✗")).length, 5);
  });

  it("show the message of a single failure once, even if its log ends with it", () => {
    const logTail = ["step 1", "broken as can be. mend it", "a broken pipe"];
    const one = failed("a", "broken as can be.", logTail);
    const { lines } = after([begun, started("a"), one, finished], false);
    const repeats = lines.filter((line) => line.includes("broken"));
    assert.deepStrictEqual(repeats, ["  broken as can be.", "  │ a broken pipe"]);
    assert.include(lines.join("\n"), "  a failed (see above)\ncontinue with");
  });

  it("list several failures at the end", () => {
    const several = [failed("a", "odd"), failed("b", "strange"), finished];
    const { lines } = after([begun, started("a"), started("b"), ...several], false);
    assert.includeMembers([...lines], ["  a failed: odd", "  b failed: strange"]);
  });

  it("stay readable where all nodes fail differently", () => {
    const failures = Array.from({ length: 200 }, (_, code) =>
      failed(`m[x=${code}]`, `exit code ${code}`),
    );
    const { lines } = after([begun, ...failures, finished], false);
    assert.strictEqual(lines.filter((line) => line.startsWith("✗")).length, 200);
    assert.strictEqual(lines.filter((line) => line.includes("kept in")).length, 20);
    assert.include(lines.join("\n"), "… and 192 nodes that failed in 192 other ways");
  });

  it("escape everything that a node prints", () => {
    const hostile = "\u001B[2J";
    const { lines } = after(
      [begun, started("a"), failed("a", hostile), failed("b[x=1]", hostile), finished],
      false,
    );
    assert.notInclude(lines.join("\n"), "\u001B");
  });
});

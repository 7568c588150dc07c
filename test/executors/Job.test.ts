/** Files that a trainer writes are decoded and checked. */
import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { decodeJobEvent, decodeJobResult, JobEvent } from "../../schemas/Job.ts";

const ok = {
  protocol: 1,
  attempt: "a1",
  status: "ok",
  summary: { L_p: 0.5, note: "x" },
  resumed_from: null,
};
const why = (text: string): string => {
  const result = decodeJobResult(text, "a1");
  return Result.isFailure(result) ? result.failure : "no failure";
};

describe("a line of events.jsonl", () => {
  it.prop("is the event it says", [JobEvent], ([event]) => {
    const line = JSON.stringify(Schema.encodeSync(JobEvent)(event));
    assert.deepStrictEqual(decodeJobEvent(line), JSON.parse(line));
  });

  it("may have unknown fields", () => {
    const line = '{"event":"progress","done":1,"total":2,"unit":"steps","eta":3}';
    assert.deepStrictEqual(decodeJobEvent(line), {
      event: "progress",
      done: 1,
      total: 2,
      unit: "steps",
    });
  });

  const garbage = {
    "it is not JSON": '{"event":"metrics","step":1,"values":{"L_p":NaN}}',
    "values.L_p": '{"event":"metrics","step":1,"values":{"L_p":"low"}}',
    level: '{"event":"log","level":"shout","message":"x"}',
    "a progress, metrics or log event": '{"event":"party"}',
  };
  for (const [reason, line] of Object.entries(garbage)) {
    it(`that is invalid is shown as a warning: ${reason}`, () => {
      const event = decodeJobEvent(line);
      assert.strictEqual(event.event === "log" && event.level, "warn");
      assert.include(event.event === "log" ? event.message : "", reason);
      assert.include(event.event === "log" ? event.message : "", line);
    });
  }

  it("that is long and invalid is cut", () => {
    const event = decodeJobEvent("x".repeat(1_000_000));
    assert.isBelow(event.event === "log" ? event.message.length : Infinity, 400);
  });
});

describe("result.json", () => {
  it("is accepted for its own attempt only", () => {
    assert.deepStrictEqual(decodeJobResult(JSON.stringify(ok), "a1"), Result.succeed(ok as never));
    assert.include(why(JSON.stringify({ ...ok, attempt: "a0" })), "attempt a0, not to a1");
  });

  it("may report a failure with message and fix", () => {
    const failed = {
      protocol: 1,
      attempt: "a1",
      status: "failed",
      message: "no data",
      fix: "bring some",
    };
    assert.deepStrictEqual(
      decodeJobResult(JSON.stringify(failed), "a1"),
      Result.succeed(failed as never),
    );
  });

  it("that is unreadable is an error with the reason", () => {
    assert.include(why('{"protocol":1'), "not JSON");
    assert.include(why(JSON.stringify({ ...ok, protocol: 2 })), "protocol 1");
    assert.include(why(JSON.stringify({ ...ok, resumed_from: "x" })), "resumed_from");
  });
});

/** What a trainer writes is decoded, never trusted. */
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

  it("may say more than we know", () => {
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
    it(`that is garbage is a warning that shows it: ${reason}`, () => {
      const event = decodeJobEvent(line);
      assert.strictEqual(event.event === "log" && event.level, "warn");
      assert.include(event.event === "log" ? event.message : "", reason);
      assert.include(event.event === "log" ? event.message : "", line);
    });
  }

  it("that is long garbage is cut", () => {
    const event = decodeJobEvent("x".repeat(1_000_000));
    assert.isBelow(event.event === "log" ? event.message.length : Infinity, 400);
  });
});

describe("result.json", () => {
  it("is the truth about its own attempt", () => {
    assert.deepStrictEqual(decodeJobResult(JSON.stringify(ok), "a1"), Result.succeed(ok as never));
    assert.include(why(JSON.stringify({ ...ok, attempt: "a0" })), "attempt a0, not to a1");
  });

  it("may be a failure with a sentence", () => {
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

  it("that cannot be read says why", () => {
    assert.include(why('{"protocol":1'), "not JSON");
    assert.include(why(JSON.stringify({ ...ok, protocol: 2 })), "protocol 1");
    assert.include(why(JSON.stringify({ ...ok, resumed_from: "x" })), "resumed_from");
  });
});

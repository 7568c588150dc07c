import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { machineFacts } from "../../pipelines/run/machineFacts.ts";
import { publishableFacts } from "../../scan/publishableFacts.ts";
import { scan } from "../../scan/scan.ts";
import { known } from "./planting.ts";

describe("facts about a machine", () => {
  it("are published by a list of names and forms", () => {
    const facts = {
      os: "debian 12",
      kernel: "6.1",
      cpu: "Intel(R) Xeon(R) Gold 6348 CPU @ 2.60GHz",
      memory: "64 GB",
      node: "v24.21.0",
    };
    const more = { machine: "titan", user: "jo", PATH: "/opt/x", toString: "x" };
    assert.deepEqual(publishableFacts({ ...facts, ...more }), facts);
    assert.deepEqual(publishableFacts({ kernel: "6.1.0-jos-own", node: "v24.21.0\njo" }), {});
  });

  it.effect("of this machine pass the scan", () =>
    Effect.gen(function* () {
      const facts = yield* machineFacts(true);
      assert.containsAllKeys(facts, ["os", "kernel", "cores", "memory", "node"]);
      assert.deepEqual(publishableFacts(facts), facts);
      assert.isEmpty(
        scan([{ path: "x", content: Buffer.from(JSON.stringify(facts)) }], known, new Map())
          .refused,
      );
    }),
  );
});

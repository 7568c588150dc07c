/** The models behind numbers, by the summaries upstream. */
import { assert, it } from "@effect/vitest";
import { sampledModels } from "../../kinds/Model.ts";

const input = (identity: string) => {
  return { labels: { seed: identity }, identity };
};

const makers = new Map(
  Object.entries({
    table: {
      summary: {},
      keyParts: { inputs: { scores: [input("s0"), input("s1"), input("s2")] } },
    },
    s0: { summary: {}, keyParts: { inputs: { data: "data", end_to_end: "p0" } } },
    s1: { summary: {}, keyParts: { inputs: { data: "data", end_to_end: "p1" } } },
    s2: { summary: {}, keyParts: { inputs: { data: "data", end_to_end: "p0" } } },
    p0: { summary: { model: "MICRO, 0.64 M weights" }, keyParts: { inputs: { model: "sft" } } },
    p1: { summary: { model: "LLaVA" }, keyParts: { inputs: { model: "sft" } } },
    // Not reached: the responses are those of the model that was sampled, not of its teacher.
    sft: { summary: { model: "teacher" }, keyParts: { inputs: {} } },
  }),
);

it("are found past scores and predictions, each once", () =>
  assert.deepStrictEqual(
    sampledModels("table", (digest) => makers.get(digest)),
    ["MICRO, 0.64 M weights", "LLaVA"],
  ));

it("are unknown without the records upstream", () =>
  assert.deepStrictEqual(
    sampledModels("table", () => undefined),
    [],
  ));

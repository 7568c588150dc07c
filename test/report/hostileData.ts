/** A report's data with texts that are made to break a page. */
import zlib from "node:zlib";
import type { Example, ReportData, RunData, ScoredPoint } from "../../report/ReportData.ts";
import { encodePng } from "../../tasks/draw/png.ts";

export const hostileTexts = {
  markup: `</pre></script><script>document.title="broken"</script><img src=x onerror="document.title='broken'"><svg onload="document.title='broken'">`,
  bidi: "before\u202Eafter\u2066x\u200By\u0000z\u001B[31m\uD800",
  long: "<b>".repeat(350_000),
} as const;

const picture = encodePng(16, new Uint8Array(256).fill(200), { kind: "gray" }, "runs");

const examples = Array.from({ length: 500 }, (_, index): Example => {
  const id = `test-${String(index).padStart(6, "0")}`;
  return {
    key: `data/${id}`,
    id,
    task: "graph-coloring",
    query: `What is it? ${hostileTexts.markup}`,
    perception: "[[0,1],[1,2]]",
    picture,
    clean: picture,
  };
});

const bodies = Object.values(hostileTexts);

const point = (arm: string, rightEvery: number): ScoredPoint => ({
  node: `scores[arm=${arm}]`,
  labels: { arm },
  answers: examples.flatMap(({ key, id }, index) =>
    (["end-to-end", "counterfactual"] as const).map((mode) => ({
      id,
      instance: id,
      mode,
      outcome: index % rightEvery === 0,
      perception: index % 3 === 0,
      perception_f1: index % 3 === 0 ? 1 : 0.5,
      consistent: true,
      reason: index % rightEvery === 0 ? null : "conflict",
      example: key,
      response: `<caption>[[0,1],[0,2]]</caption>${index < 6 ? bodies[index % 3] : "so"}<answer>{"0":"a"}</answer>`,
    })),
  ),
});

const arms = ["one", `two ${hostileTexts.markup}`];

const run: RunData = {
  run: "hostile-1",
  experiment: "hostile",
  description: hostileTexts.markup,
  state: "failed",
  took: { begun: "2026-01-01T00:00:00.000Z", seconds: 12 },
  spec: { file: "hostile.yaml", text: hostileTexts.markup },
  commands: ["npx pipe run hostile.yaml"],
  nodes: ["scores", "model"].flatMap((stageName) =>
    arms.map((arm) => ({
      node: `${stageName}[arm=${arm}]`,
      stageName,
      stage: stageName,
      labels: { arm },
      state: stageName === "model" ? ("failed" as const) : ("made" as const),
      message: hostileTexts.bidi,
      logTail: [hostileTexts.markup],
      again: "npx pipe run hostile.yaml --only model",
    })),
  ),
  attempts: arms.map((arm, index) => ({
    node: `model[arm=${arm}]`,
    stageName: "model",
    from: index,
    to: 40 * index + 10,
    end: index === 0 ? "made" : "failed",
  })),
  wiring: [{ from: "model", to: "scores" }],
  numbers: [],
  trainings: arms.map((arm) => ({
    node: `model[arm=${arm}]`,
    stageName: "model",
    labels: { arm },
    isWhole: true,
    steps: Array.from({ length: 50 }, (_, step) => ({ step, values: { loss: 1 / (step + 1) } })),
  })),
  points: arms.map((arm, index) => point(arm, index + 2)),
  splits: [{ dataset: "data", split: "test", pictures: 500, instances: 1 }],
  messages: [{ message: hostileTexts.markup, nodes: ["model"] }],
  nondeterministic: [],
  environment: [{ name: "cpu", values: [hostileTexts.markup] }],
};

export const hostileData: ReportData = {
  runs: [run],
  examples: new Map(examples.map((example) => [example.key, example])),
};

/** The samples that a page carries for its script. */
export const samplesIn = (page: string): unknown => {
  const [, base64 = ""] = /id="data">([^<]*)</u.exec(page) ?? [];
  return JSON.parse(zlib.gunzipSync(Buffer.from(base64, "base64")).toString());
};

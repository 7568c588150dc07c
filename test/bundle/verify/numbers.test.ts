/** Level 3: a changed number, key, claim or line of code is found. */
import { assert, describe, it } from "@effect/vitest";
import { digestJson } from "../../../schemas/Digest.ts";
import {
  answersNode,
  edited,
  forged,
  line,
  nodeOf,
  rekeyed,
  samplesNode,
  scoresNode,
  withJson,
  withRun,
} from "../alterations.ts";
import { packed, type Files } from "../archives.ts";
import { described } from "../describing.ts";
import { inScratch } from "../scratch.ts";
import { smallBundle } from "../smallBundle.ts";
import { checksOf, isFound, problemsOf } from "../verifying.ts";

describe("level 3, numbers and keys", () => {
  isFound(
    "finds a changed score",
    ({ files }) =>
      forged(
        files,
        scoresNode,
        "scores.jsonl",
        line(3, (score) => (score.perception_f1 = 0.123)),
      ),
    {
      level: 3,
      what: "score",
      file: "scores.jsonl",
      number: "[test-000003 end-to-end].perception_f1",
      found: 0.123,
    },
  );
  isFound(
    "finds a changed transcript",
    ({ files }) =>
      forged(
        files,
        answersNode,
        "predictions.jsonl",
        line(0, (answer) => (answer.response = "<caption>[]</caption><answer>[]</answer>")),
      ),
    { level: 3, what: "score", file: "scores.jsonl", number: "[test-000000 end-to-end]" },
  );
  isFound(
    "finds a changed response of a rollout",
    ({ files }) =>
      forged(
        files,
        samplesNode,
        "rollouts.jsonl",
        line(7, (rollout) => (rollout.response = "")),
      ),
    {
      level: 3,
      what: "rollouts",
      number: "validation-000001 (step 0, group 1, sample 3, end-to-end)",
    },
  );
  isFound(
    "finds a changed verdict of a rollout",
    ({ files }) =>
      forged(
        files,
        samplesNode,
        "rollouts.jsonl",
        line(2, (rollout) => (rollout.consistent = !rollout.consistent)),
      ),
    { level: 3, what: "rollouts", number: "sample 2, end-to-end).consistent" },
  );
  isFound(
    "finds a changed reward of a rollout",
    ({ files }) =>
      forged(
        files,
        samplesNode,
        "rollouts.jsonl",
        line(2, (rollout) => (rollout.rewards.consensus = 7)),
      ),
    { level: 3, what: "correlate", file: "correlations.json" },
  );
  isFound(
    "finds a changed number of a table",
    ({ files }) =>
      forged(files, "table", "table.json", (text) =>
        text.replace(/"low": [\d.]+/u, '"low": 0.123'),
      ),
    { level: 3, what: "summarize", file: "table.json", number: "rows[model=" },
  );
  isFound(
    "finds a changed number of a table's CSV",
    ({ files }) =>
      forged(files, "table", "table.csv", (text) => text.replace(/strong,1,/u, "strong,2,")),
    { level: 3, what: "summarize", file: "table.csv" },
  );
  isFound(
    "finds a changed number of correlations",
    ({ files }) =>
      forged(files, "correlations", "correlations.json", (text) =>
        text.replace(/"phi_max": [\d.]+/u, '"phi_max": 0.123'),
      ),
    { level: 3, what: "correlate", file: "correlations.json" },
  );
  isFound(
    "finds the same table in another text",
    ({ files }) => forged(files, "table", "table.json", (text) => `${text}\n`),
    { level: 3, what: "summarize", file: "table.json", expected: "the same text" },
  );
  isFound(
    "finds a changed number of a claim",
    ({ files }) => withJson(files, "data/CLAIMS.json", (claims) => (claims.claims[0].value = 0.99)),
    { level: 3, what: "claims", number: "table[model=weak]/a: value", found: 0.99 },
  );
  isFound(
    "finds a missing claim",
    ({ files }) => withJson(files, "data/CLAIMS.json", (claims) => claims.claims.shift()),
    { level: 3, what: "claims", number: "table[model=weak]/a", found: "absent" },
  );
  isFound(
    "finds a claim without a result",
    ({ files }) =>
      withJson(files, "data/CLAIMS.json", (claims) =>
        claims.claims.push({ ...claims.claims[0], id: "mine" }),
      ),
    { level: 3, what: "claims", number: "mine" },
  );
  isFound(
    "finds a changed number of README.md",
    ({ files }) => edited(files, "data/README.md", (text) => text.replace("0.333", "0.933")),
    { level: 3, what: "claims", file: "data/README.md" },
  );
  isFound(
    "finds an extra table in README.md",
    ({ files }) =>
      edited(files, "data/README.md", (text) =>
        text.replace("# small\n", "# small\n\n| a |\n| 1 |\n"),
      ),
    { level: 3, what: "claims", file: "data/README.md" },
  );
  for (const [name, value] of [
    ["tolerance", 1000],
    ["seconds", 2],
    ["bytes", 1],
    ["gpu", true],
  ] as const)
    isFound(
      `finds a changed ${name} of a claim`,
      ({ files }) =>
        withJson(files, "data/CLAIMS.json", (claims) => (claims.claims[0][name] = value)),
      { level: 3, what: "claims", number: `table[model=weak]/a: ${name}`, found: value },
    );
  isFound(
    "finds a claim with two values",
    ({ files }) =>
      edited(files, "data/CLAIMS.json", (text) =>
        text.replace('"value": ', '"value": 0.999,\n      "value": '),
      ),
    { level: 2, what: "files", file: "data/CLAIMS.json" },
  );
  isFound(
    "finds a changed command of a claim",
    ({ files }) =>
      withJson(files, "data/CLAIMS.json", (claims) => (claims.claims[0].command = "rm -rf /")),
    { level: 3, what: "claims", number: "table[model=weak]/a: command", found: "rm -rf /" },
  );
  isFound(
    "finds a node that is listed as unmade although it has a result",
    ({ files }) => withRun(files, (run) => (run.unmade = [{ node: "table", state: "failed" }])),
    { level: 3, what: "keys", number: "table", found: "present" },
  );
  isFound(
    "finds a changed line of a stage's code",
    ({ files }) => edited(files, "data/source/stages/Any.ts", (text) => `${text}// more\n`),
    { level: 3, what: "code", file: "data/source/stages/Any.ts" },
  );
  isFound(
    "finds a changed digest of a stage's code",
    ({ files }) =>
      withJson(files, "data/source/stages/stages.lock.json", (lock) => {
        lock.score.digest = "0".repeat(64);
      }),
    { level: 3, what: "code", number: "score", found: "0".repeat(64) },
  );
  isFound(
    "finds a changed content key",
    ({ files }) => withRun(files, (run) => (nodeOf(run, "table").content = "0".repeat(64))),
    { level: 3, what: "keys", number: "table: content", found: "0".repeat(64) },
  );
  isFound(
    "finds a changed recipe key",
    ({ files }) => withRun(files, (run) => (nodeOf(run, "data").recipe = "0".repeat(64))),
    { level: 3, what: "keys", number: "data: recipe" },
  );
  isFound(
    "finds a changed param of a key",
    ({ files }) =>
      withRun(files, (run) => {
        const node = nodeOf(run, "correlations");
        node.keyParts.params.resamples = 200;
        node.content = digestJson(node.keyParts);
      }),
    {
      level: 3,
      what: "keys",
      number: "correlations: keyParts.params.resamples",
      expected: 100,
      found: 200,
    },
  );
  isFound(
    "finds a changed experiment",
    ({ files }) =>
      edited(files, "data/experiment.yaml", (text) => text.replace("seed: 7", "seed: 8")),
    { level: 3, what: "keys", number: "data: keyParts.params.seed", expected: 8, found: 7 },
  );
  isFound(
    "finds a malformed experiment",
    ({ files }) =>
      edited(files, "data/experiment.yaml", (text) => text.replace("use: score", "use: skore")),
    { level: 3, what: "keys", file: "data/experiment.yaml" },
  );
  isFound(
    "finds a missing node",
    ({ files, run }) => {
      const { artifact } = run.nodes.find(({ node }) => node === "cot")!;
      const without = new Map([...files].filter(([name]) => !name.includes(artifact)));
      return described(
        withRun(
          without,
          (value) => (value.nodes = value.nodes.filter((each: any) => each.node !== "cot")),
        ),
      );
    },
    { level: 3, what: "keys", number: "cot", found: "absent" },
  );
  isFound(
    "finds a changed summary",
    ({ files }) => withRun(files, (run) => (nodeOf(run, scoresNode).summary.a = 1)),
    { level: 3, what: "score", number: `${scoresNode}: summary.a`, found: 1 },
  );
});

describe("level 3, code and environments", () => {
  const setIn = (stage: string, name: string, value: unknown) => (files: Files) =>
    rekeyed(files, ({ stage: own, keyParts }) => {
      if (own === stage) keyParts[name] = value;
    });
  isFound(
    "finds a version that a stage never had",
    ({ files }) => setIn("score", "version", 99)(files),
    { level: 3, what: "code", number: `${scoresNode}: keyParts.version`, found: 99 },
  );
  isFound(
    "finds a version below the first",
    ({ files }) => setIn("generate", "version", 0)(files),
    { level: 3, what: "code", number: `${answersNode}: keyParts.version`, found: 0 },
  );
  isFound(
    "finds a malformed environment",
    ({ files }) => setIn("generate", "environment", "evil")(files),
    { level: 3, what: "environments", number: "keyParts.environment", found: "evil" },
  );

  const looksAtEnvironments = (
    what: string,
    alter: (files: Files) => Files,
    looked: string,
    limits: ReadonlyArray<RegExp>,
  ) =>
    it(
      what,
      inScratch(async (folder) => {
        const archive = await packed(alter((await smallBundle()).files), folder);
        const checks = await checksOf(archive, folder);
        assert.deepStrictEqual(problemsOf(checks), []);
        const check = checks.find((each) => each.what === "environments")!;
        assert.strictEqual(check.looked, looked);
        assert.strictEqual(check.limits.length, limits.length);
        for (const [index, limit] of limits.entries()) assert.match(check.limits[index]!, limit);
      }),
    );
  looksAtEnvironments(
    "names the Python of the locked packages",
    (files) => files,
    "6 nodes with the locked packages and Python 3.13",
    [],
  );
  looksAtEnvironments(
    "notes an environment other than the lock",
    (files) => described(setIn("rollout", "environment", "0".repeat(64))(files)),
    "4 nodes with the locked packages and Python 3.13, 1 environment as recorded",
    [/2 nodes ran in environment 000000000000, which is not the bundled lock/u],
  );
  looksAtEnvironments(
    "notes an environment of PIPE_PYTHON",
    (files) => described(setIn("rollout", "environment", `installed:${"0".repeat(64)}`)(files)),
    "4 nodes with the locked packages and Python 3.13, 1 environment as recorded",
    [/2 nodes ran in a Python of PIPE_PYTHON \(installed:000000000000\)/u],
  );

  it(
    "notes once which nodes ran programs and are not recomputed",
    inScratch(async (folder) => {
      const checks = await checksOf(await packed((await smallBundle()).files, folder), folder);
      const limits = checks.flatMap((check) => check.limits);
      assert.strictEqual(limits.filter((limit) => limit.includes("summaries")).length, 1);
      assert.include(limits.join("\n"), "8 nodes of `generate`, `pretrained`, `rollout`:");
      assert.include(limits.join("\n"), "2 nodes of `distill`, `render`:");
    }),
  );
});

/** `pipe env`: the Python environments of the trainers. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { inRig, jsonLines, waitFor } from "../rig/Rig.ts";

const minutes = 60_000;
/** A Python without the packages of LLaMA-Factory. */
const bare = execFileSync("python3", ["-I", "-c", "import sys; print(sys.executable)"], {
  encoding: "utf8",
}).trim();
const experiment = `
name: e
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, vertices: 3 }
      image: { size: 32, color: false }
      splits: { train_sft: 4 }
  cot: { use: distill, from: { data: data } }
  model: { use: sft, from: { data: cot }, with: { steps: 1, batch: 2 } }
`;
const given = { PIPE_PYTHON_LLAMAFACTORY: bare };

describe("pipe env", () => {
  it(
    "builds an environment once, lists it, and checks its packages",
    inRig(async (rig) => {
      const built = await rig.pipe("env", "build", "pipe");
      assert.strictEqual(built.code, 0, built.stderr);
      const [pipe] = jsonLines((await rig.pipe("env", "list", "--json")).stdout);
      assert.deepInclude(pipe, {
        name: "pipe",
        python: built.stdout.trim(),
        isGiven: false,
        missing: [],
        different: [],
      });
      const checked = await rig.pipe("env", "check", "pipe");
      assert.strictEqual(checked.code, 0);
      assert.match(checked.stdout, /^pipe +\S+\/python; (\d+) of \1 packages\n$/u);
    }),
    15 * minutes,
  );

  it(
    "names the packages that a person's own Python lacks",
    inRig(async (rig) => {
      const { code, stdout } = await rig.start(["env", "check", "llamafactory"], given).ended;
      assert.strictEqual(code, 1);
      assert.include(stdout, `PIPE_PYTHON_LLAMAFACTORY: ${bare}; `);
      assert.match(stdout, /lacks accelerate==1\.11\.0, .* and \d+ more/u);
      const doctor = await rig.start(["doctor"], given).ended;
      assert.strictEqual(doctor.code, 1);
      assert.match(doctor.stdout, /^✗ llamafactory .*PIPE_PYTHON_LLAMAFACTORY: .* lacks /mu);
    }),
  );

  it(
    "a trainer's node says that it starts Python before Python has answered",
    inRig(async (rig) => {
      // It answers a plan's question at once, and a running node's after `go` is there: by failing.
      const answer = JSON.stringify({
        executable: "/nowhere/python",
        python: "3.11",
        versions: {},
      });
      rig.write(
        "python",
        [
          "#!/bin/sh",
          `if ! grep -qs '"NodeStarted","node":"model"' '${rig.path(".pipe/runs/e-1/events.jsonl")}'; then`,
          `  echo '${answer}'`,
          "  exit",
          "fi",
          waitFor(rig.path("go")),
          "exit 1",
        ].join("\n"),
      );
      fs.chmodSync(rig.path("python"), 0o755);
      rig.write("e.yaml", experiment);
      const running = rig.start(["run", "e.yaml"], { PIPE_PYTHON: rig.path("python") });
      await rig.until(
        "the message",
        () =>
          rig.has(".pipe/runs/e-1/events.jsonl") &&
          rig.read(".pipe/runs/e-1/events.jsonl").includes("starting Python…"),
      );
      rig.write("go", "");
      const { code, stderr } = await running.ended;
      assert.strictEqual(code, 1);
      assert.include(stderr, "PIPE_PYTHON is ");
    }),
  );

  it(
    "refuses an unknown name",
    inRig(async (rig) => {
      const { code, stderr } = await rig.pipe("env", "check", "lamafactory");
      assert.strictEqual(code, 2);
      assert.include(stderr, "did you mean `llamafactory`");
    }),
  );
});

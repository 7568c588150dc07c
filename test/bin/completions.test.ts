/** Shell completions: candidates for each kind of word, and Bash itself completing with the printed script. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { inRig, puppet } from "../rig/Rig.ts";
import { root } from "../rig/build.ts";

const spec = `name: study
axes: { x: ["1", "2"] }
stages:
  one: { use: command, with: { run: ${puppet("one")}, env: { X: $x } } }
`;

const prepared = (
  test: (complete: (...words: ReadonlyArray<string>) => Promise<string>) => Promise<void>,
) =>
  inRig(async (rig) => {
    rig.write("experiments/study.yaml", spec);
    await rig.made("experiments/study.yaml");
    await test(async (...words) => (await rig.pipe("complete", "--", ...words)).stdout.trimEnd());
  });

describe("candidates", () => {
  it(
    "are commands, flags, experiments, runs, nodes and stages, each where it is expected",
    prepared(async (complete) => {
      const file = "experiments/study.yaml";
      assert.strictEqual(await complete("ru"), "run\nruns");
      assert.include(await complete("run", "--o"), "--only");
      assert.strictEqual(await complete("run", "exp"), `${file}\n:files`);
      assert.strictEqual(await complete("run", file, "--only", ""), "one\none[x=1]\none[x=2]");
      assert.strictEqual(await complete("table", "stu"), "study-1");
      assert.strictEqual(await complete("logs", "one[x=2"), "one[x=2]");
      assert.strictEqual(await complete("why", file, "one["), "one[x=1]\none[x=2]");
      assert.strictEqual(await complete("stages", "affirm", "grp"), "grpo");
      assert.strictEqual(await complete("verify", ""), ":files");
      assert.strictEqual(await complete("run", "absent.yaml", "--only", ""), "", "no error");
    }),
  );
});

it(
  "Bash completes a node's name, which has characters that split words",
  inRig(async (rig) => {
    rig.write("study.yaml", spec);
    await rig.made("study.yaml");
    const { PATH, HOME } = process.env;
    const script = `
      source <(pipe completions bash)
      COMP_LINE='pipe logs one[x=' COMP_POINT=16 COMP_WORDS=(pipe logs 'one[x' '=' '') COMP_CWORD=4
      _pipe
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const shown = execFileSync("bash", ["-c", script], {
      cwd: rig.directory,
      env: { PATH: `${path.join(root, "bin")}:${PATH}`, HOME },
      encoding: "utf8",
    });
    assert.strictEqual(shown, "1]\n2]\n");
  }),
);

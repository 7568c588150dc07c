/** Equal failures of many points: the first is shown in full, the others are counted, and so are skipped nodes. */
import { assert, describe, it } from "@effect/vitest";
import { inRig, jsonLines, puppet } from "../rig/Rig.ts";

const values = (count: number) => Array.from({ length: count }, (_, index) => index).join(", ");

/** 30 points of mid: those below 20 end with exit code 3 and those below 22 with 4; leaf needs each. */
const many = `name: many
axes: { x: [${values(30)}] }
stages:
  mid: { use: command, with: { run: ${puppet("mid", { does: `echo last words >&2; test \${x} -ge 20 || exit 3; test \${x} -ge 22 || exit 4` })} } }
  leaf: { use: command, from: { mid: mid }, with: { run: ${puppet("leaf")} } }
`;

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

describe("equal failures of many points", () => {
  it(
    "are shown once in full and counted at the end; different ones are shown separately; skipped nodes are counted",
    inRig(async (rig) => {
      rig.write("e.yaml", many);
      const { code, stderr } = await rig.pipe("run", "e.yaml", "--keep-going", "-j", "1");
      assert.strictEqual(code, 1);
      assert.strictEqual(count(stderr, /^✗ /gmu), 2, "one for each exit code");
      assert.strictEqual(count(stderr, /│ last words$/gmu), 2);
      assert.strictEqual(count(stderr, /^ {2}kept in /gmu), 2);
      assert.include(stderr, "run this node again: npx pipe run e.yaml --only 'mid[x=0]'");
      assert.strictEqual(count(stderr, /continue with/gu), 1);

      const summary = stderr.slice(stderr.indexOf("\nfailed after"));
      assert.include(summary, "9 made, 7 cached, 22 failed, 22 skipped");
      assert.include(
        summary,
        "20 points of mid failed the same way: the command ended with exit code 3",
      );
      assert.include(summary, "mid[x=0], mid[x=1], mid[x=2], … and 17 more");
      assert.include(summary, "log of the first: npx pipe logs 'many-1/mid[x=0]'");
      assert.include(
        summary,
        "2 points of mid failed the same way: the command ended with exit code 4",
      );
      assert.notMatch(stderr, /^- leaf\[/mu);
      assert.match(stderr, /^- 22 points of leaf +skipped: mid\[x=0\] or another node/mu);
      assert.include((await rig.pipe("logs", "many-1/mid[x=0]")).stdout, "last words");
    }),
  );

  it(
    "list the different ends of their logs",
    inRig(async (rig) => {
      const does =
        "case ${x} in 2) echo quite another end;; *) echo broken at step ${x};; esac; exit 1";
      rig.write(
        "e.yaml",
        `name: e\naxes: { x: [${values(4)}] }\nstages: { mid: { use: command, with: { run: ${puppet("mid", { does })} } } }\n`,
      );
      const { stderr } = await rig.pipe("run", "e.yaml", "-k", "-j", "1");
      const summary = stderr.slice(stderr.indexOf("\nfailed after"));
      assert.include(summary, "4 points of mid failed the same way");
      assert.include(summary, "their logs end differently");
      assert.include(summary, "mid[x=0]: broken at step 0");
      assert.include(summary, "mid[x=2]: quite another end");
      assert.notInclude(summary, "broken at step 1");
    }),
  );

  it(
    "are separate events in JSON",
    inRig(async (rig) => {
      rig.write("e.yaml", many);
      const { stdout, stderr } = await rig.pipe("run", "e.yaml", "-k", "--json");
      assert.strictEqual(stderr, "");
      const events = jsonLines(stdout);
      const countOf = (tag: string) => events.filter((event) => event["_tag"] === tag).length;
      assert.strictEqual(countOf("NodeFailed"), 22);
      assert.strictEqual(countOf("NodeSkipped"), 22);
    }),
  );

  it(
    "of different stages are not grouped",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages:\n  one: { use: command, with: { run: "exit 3" } }\n  two: { use: command, with: { run: "exit 3" } }\n`,
      );
      const { stderr } = await rig.pipe("run", "e.yaml", "-k");
      assert.strictEqual(count(stderr, /^✗ /gmu), 2);
      assert.match(stderr, /^ {2}one failed: the command ended with exit code 3$/mu);
      assert.include(stderr, "npx pipe logs e-1/two");
    }),
  );
});

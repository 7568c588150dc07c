/** A program as a stage: its surroundings are the same everywhere, and what it is told is what the author wrote. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { inRig, type Rig } from "../rig/Rig.ts";

const ran = async (
  rig: Rig,
  stages: string,
  environment: Readonly<Record<string, string>> = {},
  ...options: ReadonlyArray<string>
) => {
  rig.write("e.yaml", `name: e\n${stages}`);
  return rig.start(["run", "e.yaml", "-k", ...options], environment).ended;
};

describe("a command's surroundings", () => {
  const shows = `stages:
  a: { use: command, with: { run: 'date -d @0 +%H:%M:%S > {out}/x; echo $LANG >> {out}/x' } }
  b: { use: command, with: { run: "date -d @0 +%H:%M:%S > {out}/x", env: { TZ: Asia/Tokyo } } }
`;

  it(
    "have one time zone and language, whatever the shell has, and what `env` says",
    inRig(async (rig) => {
      for (const [TZ, LANG] of [
        ["America/New_York", "de_DE.UTF-8"],
        ["Asia/Tokyo", "C"],
      ] as const) {
        const { code, stderr } = await ran(rig, shows, { TZ, LANG, LC_ALL: LANG }, "--force", "a");
        assert.strictEqual(code, 0, stderr);
        assert.deepStrictEqual(await rig.filesOf("a"), { x: "00:00:00\nC.UTF-8\n" });
        assert.deepStrictEqual(await rig.filesOf("b"), { x: "09:00:00\n" });
      }
    }),
  );

  it(
    "leave no byte code beside sources",
    inRig(async (rig) => {
      rig.write("src/lib.py", "X = 1\n");
      rig.write("src/main.py", "import lib\nprint(lib.X)\n");
      const { code, stderr } = await ran(
        rig,
        `stages: { a: { use: command, with: { run: "python3 src/main.py > {out}/x", sources: [src] } } }`,
      );
      assert.strictEqual(code, 0, stderr);
      assert.isFalse(rig.has("src/__pycache__"));
    }),
  );
});

describe("a script fails", () => {
  for (const [what, script] of [
    ["where a line fails", "no-such-program --to {out}/x\\necho done > {out}/ok"],
    ["where a part of a pipe fails", "no-such-program | head -3 > {out}/x"],
    ["where a variable is not set", "echo $UNSET > {out}/x"],
  ] as const)
    it(
      what,
      inRig(async (rig) => {
        const { code, stderr } = await ran(
          rig,
          `stages: { a: { use: command, with: { run: "${script}" } } }`,
        );
        assert.strictEqual(code, 1);
        assert.match(stderr, /command ended with exit code/u);
      }),
    );
});

describe("placeholders", () => {
  const quoted = String.raw`axes: { s: [0, 1] }
stages:
  a: { use: command, with: { run: 'mkdir "{out}/my dir"; echo hi > {out}/"my dir"/x' } }
  b: { use: command, from: { a: a }, with: { run: "cd /; find {in.a} -type f | wc -l > {out}/n; cat '{in.a}/my dir/x' > {out}/y" } }
  c: { use: command, with: { run: "python3 -c \"open('{out}/z', 'w').write('z')\"" } }
  d: { use: command, with: { run: [python3, -c, "open('{out}/z', 'w').write('z')"] } }
  each: { use: command, with: { run: [sh, -c, "echo $0 > {out}/x", $s] } }
  e: { use: command, from: { a: { all: each } }, with: { run: "cat '{in.a}'/*/x > {out}/x" } }
`;
  for (const store of [".pipe", "with space", "josé", `it's "so" $HOME`])
    it(
      `are directories in and out of quotes, in a store named ${store}`,
      inRig(async (rig) => {
        const { code, stderr } = await ran(rig, quoted, { PIPE_HOME: store });
        assert.strictEqual(code, 0, stderr);
        const artifact = (name: string) => rig.read(`${store}/runs/e-1/artifacts/${name}`);
        assert.strictEqual(artifact("b/n").trim(), "1");
        assert.strictEqual(artifact("b/y"), "hi\n");
        assert.strictEqual(artifact("c/z"), "z");
        assert.strictEqual(artifact("d/z"), "z");
        assert.strictEqual(artifact("e/x"), "0\n1\n");
        assert.deepStrictEqual(fs.readdirSync(rig.temporary), [], "links are gone");
      }),
    );
});

describe("numbers among a command's words", () => {
  it(
    "are taken as they are written, also from an axis, and are one key with the same text in quotes",
    inRig(async (rig) => {
      const { code, stderr } = await ran(
        rig,
        `axes: { lr: [1e-3] }
stages:
  a: { use: command, with: { run: [sh, -c, 'echo "$@" $SEED $FAST > "$0/x"', "{out}", $lr, 3, 1.0, 0x1F, -1], env: { SEED: 007, FAST: true } } }
`,
      );
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(await rig.filesOf("a[lr=0.001]"), {
        x: "1e-3 3 1.0 0x1F -1 007 true\n",
      });
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { run: [sh, -c, 'echo "$@" $SEED $FAST > "$0/x"', "{out}", "1e-3", "3", "1.0", "0x1F", "-1"], env: { SEED: "007", FAST: "true" } } }
`,
      );
      assert.deepStrictEqual(await rig.due("e.yaml"), []);
    }),
  );
});

describe("a command that leaves no file", () => {
  const stages = (more: string) => `stages:
  a: { use: command, with: { run: "mkdir {out}/only"${more} } }
  b: { use: command, from: { a: a }, with: { run: "ls {in.a} | wc -l > {out}/n" } }
`;

  it(
    "fails, with the line to add, which makes it right",
    inRig(async (rig) => {
      const { code, stderr } = await ran(rig, stages(""));
      assert.strictEqual(code, 1);
      assert.include(stderr, "the command left no file in {out}");
      assert.include(stderr, "empty: allowed");
      const allowed = await ran(rig, stages(", empty: allowed"));
      assert.strictEqual(allowed.code, 0, allowed.stderr);
      assert.deepStrictEqual(await rig.filesOf("b"), { n: "0\n" });
      // An empty result is not served where none is allowed.
      rig.write("e.yaml", `name: e\n${stages("")}`);
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run a", "may-run b"]);
    }),
  );
});

it(
  "a command's variables have its directories, and an input that it does not name is told",
  inRig(async (rig) => {
    const { code, stderr } = await ran(
      rig,
      `stages:
  a: { use: command, with: { run: "echo 1 > {out}/x" } }
  b: { use: command, from: { a: a }, with: { run: "cat $FROM/x > $TO/y", env: { FROM: "{in.a}", TO: "{out}" } } }
  c: { use: command, from: { a: a }, with: { run: "echo 2 > {out}/x" } }
`,
    );
    assert.strictEqual(code, 0, stderr);
    assert.deepStrictEqual(await rig.filesOf("b"), { y: "1\n" });
    assert.strictEqual(stderr.split("does not use the input `a`").length, 2, stderr);
    assert.include(stderr, "c: `run` does not use the input `a`; expected {in.a}");
  }),
);

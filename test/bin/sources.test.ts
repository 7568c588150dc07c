/** Local files as sources: what counts, what does not, and what can't be one. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { inRig, puppet, type Rig } from "../rig/Rig.ts";

const reads = (sources: string) => `name: e
stages:
  a: { use: command, with: { run: ${puppet("a")}, sources: [${sources}] } }
  f: { use: files, with: { path: src } }
`;

const planned = async (rig: Rig): Promise<string> => {
  const { code, stdout, stderr } = await rig.pipe("plan", "e.yaml");
  assert.strictEqual(code, 0, stderr);
  return stdout;
};

describe("sources", () => {
  it(
    "do not count what other programs leave beside them, and plan shows it",
    inRig(async (rig) => {
      rig.write("src/lib.py", "X = 1\n");
      rig.write("e.yaml", reads("src"));
      await rig.made("e.yaml");
      rig.write("src/__pycache__/lib.cpython-313.pyc", "code");
      rig.write("src/lib.py~", "X = 0\n");
      rig.write("src/.lib.py.swp", "swap");
      rig.write("src/.git/HEAD", "ref");
      fs.symlinkSync("nobody@host.1:2", rig.path("src/.#lib.py"));
      const text = await planned(rig);
      assert.include(text, "2 nodes: 2 cached");
      assert.include(text, "note: left out of sources: src/.#lib.py, src/.git/, src/.lib.py.swp");
      assert.include(text, ".pipeignore");
      await rig.made("e.yaml", "--force", "f");
      assert.deepStrictEqual(Object.keys(await rig.filesOf("f")), ["lib.py"]);
      rig.write("src/lib.py", "X = 2\n");
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run a", "run f"]);
    }),
  );

  it(
    "follow .pipeignore, which also lets files count again; a named file or directory always counts",
    inRig(async (rig) => {
      rig.write("src/lib.py", "X = 1\n");
      rig.write("src/notes.txt", "one");
      rig.write("src/old.pyc", "one");
      rig.write(".pipeignore", "*.txt\n!src/*.pyc\nbuilt/\n");
      rig.write("e.yaml", reads("src"));
      await rig.made("e.yaml");
      rig.write("src/notes.txt", "two");
      assert.deepStrictEqual(await rig.due("e.yaml"), []);
      rig.write("src/old.pyc", "two");
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run a", "run f"]);
      rig.write("e.yaml", reads("src/notes.txt"));
      await rig.made("e.yaml");
      rig.write("src/notes.txt", "three");
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run a"]);
      rig.write("built/part/x", "one");
      rig.write("e.yaml", reads("built/part"));
      await rig.made("e.yaml");
      rig.write("built/part/x", "two");
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run a"]);
    }),
  );

  it(
    "may be the whole project, with its store and the log of pipe itself",
    inRig(async (rig) => {
      rig.write("src/x", "1");
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { run: "cat src/x > {out}/x", sources: [.] } }
  f: { use: files, with: { path: . } }
`,
      );
      fs.rmSync(rig.temporary, { recursive: true });
      const command = `exec ${JSON.stringify(rig.executable)} run e.yaml > log 2>&1`;
      execFileSync("bash", ["-c", command], { cwd: rig.directory });
      const found = await rig.filesOf("f");
      assert.deepStrictEqual(Object.keys(found), ["e.yaml", "src/x"]);
    }),
  );

  for (const [what, make, says] of [
    ["a pipe", (file: string) => execFileSync("mkfifo", [file]), "is a pipe, not a file"],
    ["a device", (file: string) => fs.symlinkSync("/dev/zero", file), "is a device, not a file"],
    [
      "a dangling link",
      (file: string) => fs.symlinkSync("nowhere", file),
      "nowhere, which does not exist",
    ],
  ] as const)
    for (const place of ["source", "path", "inside"])
      it(
        `are refused where ${what} is the ${place}`,
        inRig(async (rig) => {
          rig.write("src/x", "1");
          make(rig.path(place === "inside" ? "src/bad" : "bad"));
          const uses = {
            source: `{ use: command, with: { run: "echo > {out}/x", sources: [bad] } }`,
            path: `{ use: files, with: { path: bad } }`,
            inside: `{ use: files, with: { path: src } }`,
          }[place];
          rig.write("e.yaml", `name: e\nstages:\n  a: ${uses}\n`);
          const { code, stderr } = await rig.pipe("run", "e.yaml");
          assert.strictEqual(code, 2, stderr);
          assert.match(stderr, /^e\.yaml:3:\d+ error: the source `(?:bad|src)` of the stage `a` /u);
          assert.include(stderr, says);
          assert.include(stderr, "bad");
          assert.isFalse(rig.has(".pipe"));
        }),
      );
});

describe("files that a command names", () => {
  const note = (file: string) => `an edit of \`${file}\` reruns nothing`;
  for (const [what, run, file] of [
    ["as a script's word", `"python3 train.py > {out}/x"`, "train.py"],
    ["as an argument", `[python3, ./train.py, "{out}"]`, "train.py"],
    ["behind an equals sign", `"echo --config=conf/a.yaml > {out}/x"`, "conf/a.yaml"],
    ["as a module", `"python3 -m pack.main > {out}/x"`, "pack/main.py"],
    ["behind a cd", `"cd conf && cat ./a.yaml > {out}/x"`, "conf/a.yaml"],
    ["as a module behind a cd", `"(cd ./pack; python3 -m main) > {out}/x"`, "pack/main.py"],
  ] as const)
    it(
      `${what} are told once, with the line to add`,
      inRig(async (rig) => {
        for (const name of ["train.py", "conf/a.yaml", "pack/main.py"])
          rig.write(name, "print(1)\n");
        const spec = (more: string) =>
          `name: e\naxes: { s: [0, 1] }\nstages:\n  a: { use: command, with: { run: ${run}, env: { S: $s }${more} } }\n`;
        rig.write("e.yaml", spec(""));
        const text = await planned(rig);
        assert.strictEqual(text.split(note(file)).length, 2, text);
        assert.include(text, `sources: [${file}]`);
        const { stderr } = await rig.pipe("run", "e.yaml");
        assert.strictEqual(stderr.split(note(file)).length, 2, stderr);
        rig.write("e.yaml", spec(`, sources: [${file.split("/")[0]}]`));
        assert.notInclude(await planned(rig), "reruns nothing");
      }),
    );

  it(
    "and writes are none of its sources",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a")} } } }\n`,
      );
      await rig.made("e.yaml");
      assert.notInclude(await planned(rig), "note:");
    }),
  );
});

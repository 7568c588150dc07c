/** The code of stages, and its record in the lock file. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { lockFile, lockText, type LockedStage, readLock } from "../../stages/code/Lock.ts";
import { importedModules, pythonModule } from "../../stages/code/python.ts";
import { affirmed, type Closure, review } from "../../stages/code/review.ts";
import { digestText } from "../../stages/code/SourceModule.ts";
import { typescriptModule, valueImports } from "../../stages/code/typescript.ts";
import { closureOf, moduleOf, reach, runModuleOf } from "../../stages/codeIdentity.ts";
import { stages } from "../../stages/stages.ts";
import { root } from "../rig/build.ts";

const listed = [...stages.values()];
const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8");

describe("the lock", () => {
  const lock = readLock();
  for (const stage of listed)
    it(`records the code of ${stage.name}`, () => {
      const { state, changes } = review(stage.version, closureOf(stage), lock[stage.name]);
      const what = changes.map(({ name, change }) => `  ${change} ${name}`).join("\n");
      assert.strictEqual(
        state,
        "recorded",
        `the code of the stage ${stage.name} is not what stages/stages.lock.json records for its version:
${what}
Raise \`version\` in ${moduleOf(stage)} if the same params and inputs now give other output. Then, or if they don't:
  npx pipe stages affirm ${stage.name} --reason "…"
`,
      );
    });

  it("holds exactly the existing stages, in the form that affirm writes", () => {
    assert.deepStrictEqual(Object.keys(lock), [...stages.keys()].toSorted());
    assert.strictEqual(read(lockFile), lockText(lock));
  });
});

describe("the closure", () => {
  const filesOf = (name: string): ReadonlyArray<string> => {
    const stage = stages.get(name);
    return stage === undefined ? [] : Object.keys(closureOf(stage).files);
  };

  it("holds indirect imports and JSON", () =>
    assert.includeMembers([...filesOf("distill")], ["tasks/pieces.ts", "tasks/pieces.json"]));

  it("of a stage that trains holds the trainer, its imports and the data files they read", () => {
    const helpers = ["trainers/sft.py", "trainers/losses.py", "trainers/__init__.py"];
    assert.includeMembers([...filesOf("sft")], [...helpers, "tasks/pieces.json"]);
    assert.notInclude(filesOf("sft"), "trainers/generate.py");
    assert.notInclude(filesOf("generate"), "trainers/losses.py");
    assert.notInclude(filesOf("render"), "trainers/losses.py");
  });

  it("holds the packages with the versions that package.json pins", () => {
    const { devDependencies } = JSON.parse(read("package.json")) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    for (const stage of listed)
      for (const [name, version] of Object.entries(closureOf(stage).packages))
        assert.strictEqual(version, devDependencies[name]);
    assert.include(Object.keys(closureOf(stages.get("score")!).packages), "hyparquet");
  });

  for (const stage of listed)
    it(`of ${stage.name}: a stage that runs a trainer declares it`, () =>
      assert.strictEqual(
        stage.trainers !== undefined,
        /\btrainerRun\(/u.test(read(runModuleOf(stage))),
      ));

  it("of a stage whose trainer asks the scorer has the scorer", () => {
    const asking = listed.filter(({ scorer }) => scorer === true).map(({ name }) => name);
    assert.deepStrictEqual(asking.toSorted(), ["grpo", "rollout", "sft"]);
    for (const name of asking) assert.include(filesOf(name), "tasks/sudoku/judge.ts");
  });

  for (const stage of listed)
    it(`of ${stage.name} has its declaration and its run, and no audit`, () => {
      assert.includeMembers([...filesOf(stage.name)], [moduleOf(stage), runModuleOf(stage)]);
      assert.notMatch(filesOf(stage.name).join("\n"), /\.audit\.ts/u);
    });

  it("of a declaration has no run, no trainer and no executor", () => {
    const declared = reach(listed.map(moduleOf), typescriptModule);
    const doing = [...declared.keys()].filter((file) =>
      /\.run\.ts$|stages\/(?:trainer|job)\.ts|executors\/(?!root)/u.test(file),
    );
    assert.deepStrictEqual(doing, []);
  });

  it("is the same with other line endings", () =>
    assert.strictEqual(digestText("a\r\nb\r\n"), digestText("a\nb\n")));
});

describe("value imports of a TypeScript module:", () => {
  const cases: Readonly<Record<string, ReadonlyArray<string>>> = {
    'import { a, type B } from "./x.ts";': ["./x.ts"],
    'import type { A } from "./x.ts";': [],
    'import { type A, type B } from "./x.ts";': [],
    'import "./x.ts";': ["./x.ts"],
    'import * as x from "./x.ts";': ["./x.ts"],
    'import x from "./x.json" with { type: "json" };': ["./x.json"],
    'export { a } from "./x.ts";': ["./x.ts"],
    'export * from "./x.ts";': ["./x.ts"],
    'export * as x from "./x.ts";': ["./x.ts"],
    'export type { A } from "./x.ts";': [],
    'export { type A } from "./x.ts";': [],
    'const x = () => import("./x.ts");': ["./x.ts"],
    'let x: typeof import("./x.ts");': [],
    '// import "./x.ts";\nconst text = `import "./y.ts";`;': [],
  };
  for (const [text, expected] of Object.entries(cases))
    it(text, () => assert.deepStrictEqual(valueImports("a.ts", text), expected));

  it("an import() without a literal name is an error", () =>
    assert.throws(
      () => valueImports("a.ts", "const x = import(name);"),
      /known only at run time/u,
    ));
});

describe("imports of a Python module:", () => {
  const cases: Readonly<Record<string, ReadonlyArray<string>>> = {
    "import trainers.job": ["trainers.job"],
    "import json, trainers.job as job": ["json", "trainers.job"],
    "from trainers import checkpoint, losses as l": [
      "trainers",
      "trainers.checkpoint",
      "trainers.losses",
    ],
    "from trainers.job import (\n    Job,  # the job, (really)\n    main,\n)": [
      "trainers.job",
      "trainers.job.Job",
      "trainers.job.main",
    ],
    "from trainers import \\\n    job": ["trainers", "trainers.job"],
    "from . import job": ["trainers", "trainers.job"],
    "from .job import Job": ["trainers.job", "trainers.job.Job"],
    "def f():\n    from trainers import job": ["trainers", "trainers.job"],
    "import json; import trainers.job": ["json", "trainers.job"],
    "# import trainers.job": [],
    'text = "what we import trainers.job for"': [],
  };
  for (const [text, expected] of Object.entries(cases))
    it(text, () => assert.deepStrictEqual(importedModules("trainers/x.py", text), expected));

  it("an import by a computed name is an error", () =>
    assert.throws(
      () => importedModules("trainers/x.py", "from importlib import import_module"),
      /computed at run time/u,
    ));

  it("include the data files it reads", () =>
    assert.include(pythonModule("trainers/tokenizer.py").imports, "tasks/pieces.json"));
});

describe("a review", () => {
  const closure: Closure = {
    digest: "aa".repeat(32),
    files: { "a.ts": "11".repeat(32), "b.ts": "22".repeat(32) },
    packages: { effect: "4.1.0" },
  };
  const said = { date: "2026-01-02", reason: "the first record" };
  const locked = affirmed(1, closure, undefined, said);
  const edited: Closure = {
    digest: "bb".repeat(32),
    files: { "a.ts": "33".repeat(32), "c.ts": "22".repeat(32) },
    packages: { effect: "4.2.0" },
  };

  it("of recorded code", () =>
    assert.deepStrictEqual(review(1, closure, locked), { state: "recorded", changes: [] }));
  it("of code without a record", () =>
    assert.strictEqual(review(1, closure, undefined).state, "new"));
  it("of changed code names the files and the packages", () =>
    assert.deepStrictEqual(review(1, edited, locked), {
      state: "changed",
      changes: [
        { name: "a.ts", change: "changed" },
        { name: "b.ts", change: "removed" },
        { name: "c.ts", change: "added" },
        { name: "effect@4.1.0", change: "removed" },
        { name: "effect@4.2.0", change: "added" },
      ],
    }));
  it("of another version, whatever the code", () => {
    assert.strictEqual(review(2, closure, locked).state, "raised");
    assert.strictEqual(review(0, closure, locked).state, "lowered");
  });

  it("ends with an affirmation; those since the last raise of the version are kept", () => {
    const why = { date: "2026-01-03", reason: "a helper has another name" };
    const again: LockedStage = affirmed(1, edited, locked, why);
    assert.deepStrictEqual(review(1, edited, again), { state: "recorded", changes: [] });
    assert.deepStrictEqual(
      again.affirmations.map(({ reason }) => reason),
      [said.reason, why.reason],
    );
    assert.deepStrictEqual(affirmed(2, edited, again, why).affirmations, [
      { ...why, digest: edited.digest },
    ]);
  });
});

it("every module of the program is in a folder that bin/pipe checks for newer sources", () => {
  const folders = /find ([a-z ]+)/u.exec(read("scripts/stale.sh"))?.[1]?.trim().split(" ") ?? [];
  const reached = [...reach(["bin/pipe.ts"], typescriptModule).keys()];
  assert.includeMembers(folders, [...new Set(reached.map((file) => file.split("/")[0]!))]);
});

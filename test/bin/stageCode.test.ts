/** Changed code in another checkout: which stages become due, and how to affirm them. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { build, root, staleSource } from "../rig/build.ts";
import { jsonLines, puppet, type Result, Rig } from "../rig/Rig.ts";

/** A copy of this checkout with its bundle and lock file, and a rig that drives it. */
class Checkout {
  readonly directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "pipe-checkout-")));
  readonly rig = new Rig(this.directory);

  constructor() {
    const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    const files = execFileSync("git", list, { cwd: root, encoding: "utf8" }).split("\0");
    for (const file of files)
      if (file !== "" && fs.existsSync(path.join(root, file)))
        fs.cpSync(path.join(root, file), this.path(file));
    fs.symlinkSync(path.join(root, "node_modules"), this.path("node_modules"));
    build(this.directory);
  }

  path(file: string): string {
    return path.join(this.directory, file);
  }

  read(file: string): string {
    return fs.readFileSync(this.path(file), "utf8");
  }

  /** Runs the body while the file has other text; after that it is as before, its date too, so that the bundle runs. */
  async edited(file: string, edit: (text: string) => string, body: () => Promise<void>) {
    const before = this.read(file);
    const { atime, mtime } = fs.statSync(this.path(file));
    const after = edit(before);
    assert.notStrictEqual(after, before, `the edit of ${file} has no effect`);
    fs.writeFileSync(this.path(file), after);
    try {
      await body();
    } finally {
      fs.writeFileSync(this.path(file), before);
      fs.utimesSync(this.path(file), atime, mtime);
    }
  }

  affirm(...args: ReadonlyArray<string>): Promise<Result> {
    return this.rig.pipe("stages", "affirm", ...args);
  }

  async close(): Promise<void> {
    await this.rig.close();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** The stages whose code differs from the lock file, with their states. */
  async open(): Promise<Readonly<Record<string, unknown>>> {
    const { code, stdout, stderr } = await this.rig.pipe("stages", "--json");
    assert.strictEqual(code, 0, stderr);
    return Object.fromEntries(
      jsonLines(stdout)
        .filter((line) => line["state"] !== "recorded")
        .map((line) => [line["stage"], line["state"]]),
    );
  }

  async recipes(experiment: string): Promise<Readonly<Record<string, unknown>>> {
    const { code, stdout, stderr } = await this.rig.pipe("plan", "--json", experiment);
    assert.strictEqual(code, 0, stderr);
    return Object.fromEntries(jsonLines(stdout).map((line) => [line["node"], line["recipe"]]));
  }
}

const cheap = `name: e
stages:
  text: { use: files, with: { path: text } }
  told: { use: command, from: { text: text }, with: { run: ${puppet("told")} } }
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 1 } } }
  cot:  { use: distill, from: { data: data } }
`;
const withModel = `${cheap}  model: { use: sft, from: { data: cot } }\n`;

const slashes = (text: string): string => `${text}\n// an edit\n`;
const hash = (text: string): string => `${text}\n# an edit\n`;

let checkout: Checkout;
let rig: Rig;

beforeAll(async () => {
  checkout = new Checkout();
  rig = checkout.rig;
  const all = jsonLines((await rig.pipe("stages", "--json")).stdout);
  const names = all.map((line) => String(line["stage"]));
  const { code, stderr } = await checkout.affirm(...names, "--reason", "where the tests start");
  assert.strictEqual(code, 0, stderr);
  rig.write("text", "text");
  rig.write("e.yaml", cheap);
  rig.write("model.yaml", withModel);
  await rig.made("e.yaml");
});

afterAll(async () => {
  await checkout.close();
});

describe("in a checkout whose code is recorded", () => {
  it("the bundle is up to date, even if the lock file is newer", async () => {
    assert.strictEqual(staleSource(checkout.directory), undefined);
    assert.deepStrictEqual(await checkout.open(), {});
    assert.deepStrictEqual(await rig.due("e.yaml"), []);
  });

  it("an edit makes due exactly the stages that import it; undone, none", async () => {
    const recipes = await checkout.recipes("model.yaml");
    const renamed = async (): Promise<ReadonlyArray<string>> => {
      const now = await checkout.recipes("model.yaml");
      return Object.keys(recipes).filter((node) => now[node] !== recipes[node]);
    };
    // Distill.ts, HubDataset.ts and Score.ts import readJson.ts through score.ts; trainers use score.ts as a co-process.
    await checkout.edited("tasks/readJson.ts", slashes, async () => {
      const judging = ["distill", "grpo", "hub-dataset", "rollout", "score", "sft"];
      const changed = Object.fromEntries(judging.map((stage) => [stage, "changed"]));
      assert.deepStrictEqual(await checkout.open(), changed);
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run cot"]);
    });
    // Scores.ts imports only types from it, which are no code.
    await checkout.edited("kinds/Kind.ts", slashes, async () =>
      assert.deepStrictEqual(await checkout.open(), {}),
    );
    await checkout.edited("trainers/losses.py", hash, async () => {
      assert.deepStrictEqual(await checkout.open(), { sft: "changed" });
      assert.deepStrictEqual(await renamed(), ["model"]);
    });
    assert.deepStrictEqual(await renamed(), []);
    assert.deepStrictEqual(await rig.due("e.yaml"), []);
  });

  it("results of recorded code are not bundled with edited code", async () => {
    const bundle = () => rig.pipe("bundle", "--license", "text=CC0-1.0", "--license", "told=MIT");
    await checkout.edited("tasks/readJson.ts", slashes, async () => {
      const { code, stderr } = await bundle();
      assert.strictEqual(code, 2, stderr);
      assert.match(stderr, /`distill`, which made cot, .*npx pipe stages/su);
    });
    const { code, stderr } = await bundle();
    assert.strictEqual(code, 0, stderr);
  });

  it("an edit that keeps the output is affirmed with a sentence", async () => {
    await checkout.edited("stages/Distill.ts", slashes, async () => {
      const { stdout } = await rig.pipe("stages");
      assert.match(stdout, /distill .*changed\n +changed +stages\/Distill\.ts\n/u);
      assert.include(stdout, "npx pipe stages affirm distill --reason");
      const { code, stderr } = await checkout.affirm("distill", "--reason", "a comment");
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(await rig.due("e.yaml"), []);
    });
    // Undoing an affirmed edit is an edit, too.
    assert.deepStrictEqual(await rig.due("e.yaml"), ["run cot"]);
  });

  it("an edit that changes the output needs a higher version", async () => {
    const raised = (text: string): string => text.replace("version: 1", "version: 2");
    await checkout.edited("stages/Distill.ts", raised, async () => {
      assert.deepStrictEqual(await checkout.open(), { distill: "raised" });
      const { code, stderr } = await checkout.affirm("distill", "--reason", "another order");
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run cot"]);
    });
    const { code, stderr } = await checkout.affirm("distill", "--reason", "as before");
    assert.strictEqual(code, 2);
    assert.include(stderr, "raise it above");
  });

  it("nothing is recorded without a reason or for an unknown stage", async () => {
    const before = checkout.read("stages/stages.lock.json");
    const refused = await checkout.affirm("distill", "--reason", " ");
    assert.strictEqual(refused.code, 2);
    assert.include(refused.stderr, "--reason is empty");
    const misspelt = await checkout.affirm("destill", "--reason", "a comment");
    assert.strictEqual(misspelt.code, 2);
    assert.include(misspelt.stderr, "did you mean `distill`?");
    assert.strictEqual(checkout.read("stages/stages.lock.json"), before);
  });

  it("code that can't be followed and a lock file that can't be read are errors", async () => {
    const hidden = (text: string): string => `${text}\n__import__("trainers.card")\n`;
    await checkout.edited("trainers/losses.py", hidden, async () => {
      const { code, stderr } = await rig.pipe("plan", "model.yaml");
      assert.strictEqual(code, 2);
      assert.include(stderr, "trainers/losses.py imports a module");
    });
    await checkout.edited(
      "stages/stages.lock.json",
      (text) => `<<<<<<< ours\n${text}`,
      async () => {
        const { code, stderr } = await rig.pipe("plan", "e.yaml");
        assert.strictEqual(code, 2);
        assert.include(stderr, "stages/stages.lock.json can't be read");
      },
    );
  });
});

/** Changed code in another checkout, through its command line: which stages it makes due, and how that is settled. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { build, root, staleSource } from "../rig/build.ts";
import { jsonLines, puppet, type Result, Rig } from "../rig/Rig.ts";

/** A copy of this checkout's files, with a bundle and a lock that fit them, and a rig that drives it. */
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

  /** The stages whose code is not as recorded, with how it stands. */
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
  it("the bundle is up to date, the lock's own date notwithstanding", async () => {
    assert.strictEqual(staleSource(checkout.directory), undefined);
    assert.deepStrictEqual(await checkout.open(), {});
    assert.deepStrictEqual(await rig.due("e.yaml"), []);
  });

  it("an edit makes due what reaches it, and no other; taken back, nothing", async () => {
    const recipes = await checkout.recipes("model.yaml");
    const renamed = async (): Promise<ReadonlyArray<string>> => {
      const now = await checkout.recipes("model.yaml");
      return Object.keys(recipes).filter((node) => now[node] !== recipes[node]);
    };
    // Distill.ts -> score.ts -> readJson.ts, where Score.ts comes from, too; trainers ask for what score.ts says.
    await checkout.edited("tasks/readJson.ts", slashes, async () => {
      const judging = ["distill", "grpo", "rollout", "score"];
      const changed = Object.fromEntries(judging.map((stage) => [stage, "changed"]));
      assert.deepStrictEqual(await checkout.open(), changed);
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run cot"]);
    });
    // Summarize.ts imports types from it, and they are no code.
    await checkout.edited("schemas/Table.ts", slashes, async () =>
      assert.deepStrictEqual(await checkout.open(), {}),
    );
    await checkout.edited("trainers/losses.py", hash, async () => {
      assert.deepStrictEqual(await checkout.open(), { sft: "changed" });
      assert.deepStrictEqual(await renamed(), ["model"]);
    });
    assert.deepStrictEqual(await renamed(), []);
    assert.deepStrictEqual(await rig.due("e.yaml"), []);
  });

  it("what recorded code has made is not bundled with edited code", async () => {
    const bundle = () => rig.pipe("bundle", "--license", "text=CC0-1.0", "--license", "told=MIT");
    await checkout.edited("tasks/readJson.ts", slashes, async () => {
      const { code, stderr } = await bundle();
      assert.strictEqual(code, 2, stderr);
      assert.match(stderr, /cot was made by `distill` .* npx pipe stages says/su);
    });
    const { code, stderr } = await bundle();
    assert.strictEqual(code, 0, stderr);
  });

  it("an edit that leaves the output as it was costs a sentence", async () => {
    await checkout.edited("stages/Distill.ts", slashes, async () => {
      const { stdout } = await rig.pipe("stages");
      assert.match(stdout, /distill .*changed\n +changed +stages\/Distill\.ts\n/u);
      assert.include(stdout, "npx pipe stages affirm distill --reason");
      const { code, stderr } = await checkout.affirm("distill", "--reason", "a comment");
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(await rig.due("e.yaml"), []);
    });
    // Taking back what was affirmed is an edit like any other.
    assert.deepStrictEqual(await rig.due("e.yaml"), ["run cot"]);
  });

  it("one that does not, a version, which never goes back", async () => {
    const raised = (text: string): string => text.replace("version: 1", "version: 2");
    await checkout.edited("stages/Distill.ts", raised, async () => {
      assert.deepStrictEqual(await checkout.open(), { distill: "raised" });
      const { code, stderr } = await checkout.affirm("distill", "--reason", "another order");
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run cot"]);
    });
    const { code, stderr } = await checkout.affirm("distill", "--reason", "as before");
    assert.strictEqual(code, 2);
    assert.include(stderr, "a version only goes up");
  });

  it("nothing is recorded without a reason, or of a stage that is not there", async () => {
    const before = checkout.read("stages/stages.lock.json");
    const refused = await checkout.affirm("distill", "--reason", " ");
    assert.strictEqual(refused.code, 2);
    assert.include(refused.stderr, "the reason is empty");
    const misspelt = await checkout.affirm("destill", "--reason", "a comment");
    assert.strictEqual(misspelt.code, 2);
    assert.include(misspelt.stderr, "did you mean `distill`?");
    assert.strictEqual(checkout.read("stages/stages.lock.json"), before);
  });

  it("code that nobody can follow, or a lock that can't be read, is an error", async () => {
    const hidden = (text: string): string => `${text}\n__import__("trainers.card")\n`;
    await checkout.edited("trainers/losses.py", hidden, async () => {
      const { code, stderr } = await rig.pipe("plan", "model.yaml");
      assert.strictEqual(code, 2);
      assert.include(stderr, "trainers/losses.py imports by a name");
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

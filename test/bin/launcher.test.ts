/** `bin/pipe` runs the bundle, or the sources where the bundle is older. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { root, staleSource } from "../rig/build.ts";

const folders = ["bin", "pipelines", "stages", "tasks", "stats", "cache", "executors", "schemas"];
const files = ["rolldown.config.ts", "package.json", "package-lock.json", "stages/Sft.ts"];

/** A checkout with a launcher, a "Node" that prints the program to run, and few sources. */
class Checkout {
  readonly directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "pipe-launcher-")));

  constructor() {
    for (const folder of [...folders, "scripts", "node_modules/.bin"])
      fs.mkdirSync(this.path(folder), { recursive: true });
    for (const file of ["bin/pipe", "scripts/stale.sh"])
      fs.copyFileSync(path.join(root, file), this.path(file));
    for (const file of files) fs.writeFileSync(this.path(file), "before");
    const node = this.path("node_modules/.bin/node");
    fs.writeFileSync(node, '#!/bin/sh\nshift; echo "$@"\n', { mode: 0o755 });
    this.settle();
  }

  path(file: string): string {
    return path.join(this.directory, file);
  }

  age(file: string, minutes: number): void {
    const then = new Date(Date.now() - minutes * 60_000);
    fs.utimesSync(this.path(file), then, then);
  }

  build(): void {
    fs.mkdirSync(this.path("dist"), { recursive: true });
    fs.writeFileSync(this.path("dist/pipe.js"), "built");
  }

  /** Long since built: what happens now is newer, however coarse the clock of the file system. */
  settle(): void {
    this.build();
    for (const file of [...folders, ...files, "bin/pipe"]) this.age(file, 120);
    this.age("dist/pipe.js", 60);
  }

  git(...args: ReadonlyArray<string>): void {
    const who = ["-c", "user.name=test", "-c", "user.email=noreply@example.org"];
    execFileSync("git", [...who, ...args], { cwd: this.directory, stdio: "ignore" });
  }

  /** The program that the launcher gives to Node. */
  get runs(): string {
    const { stdout } = spawnSync(this.path("bin/pipe"), ["plan", "a b"], { encoding: "utf8" });
    assert.match(stdout, / plan a b\n$/u);
    return stdout.slice(this.directory.length + 1, -" plan a b\n".length);
  }
}

const inCheckout = (test: (checkout: Checkout) => void) => (): void => {
  const checkout = new Checkout();
  try {
    test(checkout);
  } finally {
    fs.rmSync(checkout.directory, { recursive: true, force: true });
  }
};

describe("bin/pipe", () => {
  const sources: Readonly<Record<string, (checkout: Checkout) => void>> = {
    "a source was edited": (checkout) => fs.writeFileSync(checkout.path("stages/Sft.ts"), "after"),
    "a source was added": (checkout) => fs.writeFileSync(checkout.path("tasks/new.ts"), "new"),
    "a source was taken away": (checkout) => fs.rmSync(checkout.path("stages/Sft.ts")),
    "an old file took a source's place": (checkout) => {
      fs.writeFileSync(checkout.path("old"), "after");
      checkout.age("old", 120);
      fs.renameSync(checkout.path("old"), checkout.path("stages/Sft.ts"));
    },
    "other packages are pinned": (checkout) =>
      fs.writeFileSync(checkout.path("package.json"), "after"),
    "there is no bundle": (checkout) => fs.rmSync(checkout.path("dist"), { recursive: true }),
    "git has checked out another commit, however old": (checkout) => {
      checkout.git("init");
      checkout.git("add", ...files);
      checkout.git("commit", "-m", "before", "--date", "2001-01-01T00:00:00");
      fs.writeFileSync(checkout.path("stages/Sft.ts"), "after");
      checkout.git("commit", "-a", "-m", "after");
      checkout.settle();
      assert.strictEqual(checkout.runs, "dist/pipe.js");
      checkout.git("checkout", "HEAD~1");
    },
  };
  for (const [when, happen] of Object.entries(sources))
    it(
      `runs the sources when ${when}, until the next build`,
      inCheckout((checkout) => {
        happen(checkout);
        assert.strictEqual(checkout.runs, "bin/pipe.ts");
        assert.isDefined(staleSource(checkout.directory));
        checkout.build();
        assert.strictEqual(checkout.runs, "dist/pipe.js");
        assert.isUndefined(staleSource(checkout.directory));
      }),
    );

  const others: Readonly<Record<string, (checkout: Checkout) => void>> = {
    "nothing has changed": () => undefined,
    "the stages' lock was written": (checkout) => {
      fs.writeFileSync(checkout.path("stages/stages.lock.json"), "{}");
      checkout.age("stages", 120);
    },
    "a job has run, so that Python left its caches": (checkout) => {
      fs.mkdirSync(checkout.path("executors/__pycache__"));
      fs.writeFileSync(checkout.path("executors/__pycache__/supervise.pyc"), "cache");
    },
    "npm has installed it, without a lock file and with sources of any age": (checkout) => {
      fs.rmSync(checkout.path("package-lock.json"));
      fs.writeFileSync(checkout.path("stages/Sft.ts"), "installed later");
    },
    "what is no source has changed": (checkout) =>
      fs.writeFileSync(checkout.path("README.md"), "after"),
  };
  for (const [when, happen] of Object.entries(others))
    it(
      `runs the bundle when ${when}`,
      inCheckout((checkout) => {
        happen(checkout);
        assert.strictEqual(checkout.runs, "dist/pipe.js");
      }),
    );

  it(
    "says so when the packages are not installed",
    inCheckout((checkout) => {
      fs.rmSync(checkout.path("node_modules"), { recursive: true });
      const { status, stderr } = spawnSync(checkout.path("bin/pipe"), { encoding: "utf8" });
      assert.strictEqual(status, 2);
      assert.include(stderr, "npm ci");
    }),
  );
});

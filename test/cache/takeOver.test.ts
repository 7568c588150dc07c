/** A store of an earlier pipe, with its records in `index.sqlite`, is taken over on first use. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { actionsIn } from "./recordsIn.ts";
import { OwnerLock } from "../../cache/OwnerLock.ts";
import { inRig, puppet, type Rig } from "../rig/Rig.ts";

const experiment = (last: string) => `name: e
stages:
  a: { use: command, with: { run: ${puppet("a")} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "b of $(cat {in.a}/value)" })} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet(last, { value: `${last} of $(cat {in.b}/value)` })} } }
`;

/** The tables of format 2. */
const tables = `
  CREATE TABLE artifacts (digest TEXT PRIMARY KEY, bytes INTEGER NOT NULL, files TEXT NOT NULL, collected INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE actions (
    id INTEGER PRIMARY KEY, recipe TEXT NOT NULL, content TEXT NOT NULL, artifact TEXT NOT NULL,
    stage TEXT NOT NULL, experiment TEXT NOT NULL, node TEXT NOT NULL, record TEXT NOT NULL
  );
  CREATE TABLE nondeterministic (content TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE attempts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, recipe TEXT NOT NULL, stage TEXT NOT NULL,
    stage_name TEXT NOT NULL, node TEXT NOT NULL, run TEXT NOT NULL, status TEXT NOT NULL,
    started_at TEXT NOT NULL, seconds REAL NOT NULL
  );
  CREATE TABLE claims (key TEXT PRIMARY KEY, token TEXT NOT NULL, owner TEXT NOT NULL, holder TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE tags (name TEXT PRIMARY KEY, artifact TEXT NOT NULL, tagged_at TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE file_stats (path TEXT PRIMARY KEY, stat TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
  PRAGMA journal_mode = WAL;
  PRAGMA user_version = 2;
`;

/** Turns a store into one of an earlier pipe, in which c has a tag and a is collected. */
const makeOld = (rig: Rig) => {
  const home = rig.path(".pipe");
  const actions = actionsIn(home).toSorted((one, other) => one.order - other.order);
  const database = new DatabaseSync(path.join(home, "index.sqlite"));
  database.exec(tables);
  for (const { action, files, attempt } of actions) {
    const isCollected = action.node === "a";
    database
      .prepare("INSERT OR IGNORE INTO artifacts VALUES (?, ?, ?, ?)")
      .run(action.artifact, 1, JSON.stringify(files), isCollected ? 1 : 0);
    database
      .prepare(
        "INSERT INTO actions (recipe, content, artifact, stage, experiment, node, record) VALUES (?, ?, ?, ?, ?, ?, ?)",
      )
      .run(
        action.recipe,
        action.content,
        action.artifact,
        action.stage,
        action.experiment,
        action.node,
        JSON.stringify(action),
      );
    if (attempt !== undefined)
      database
        .prepare("INSERT INTO attempts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .run(
          attempt.id,
          attempt.recipe,
          attempt.stage,
          attempt.stageName,
          attempt.node,
          attempt.run,
          attempt.status,
          attempt.startedAt,
          attempt.seconds,
        );
    if (isCollected) fs.rmSync(path.join(home, "trees", action.artifact), { recursive: true });
    if (action.node === "c")
      database.prepare("INSERT INTO tags VALUES ('paper', ?, '2026-01-01')").run(action.artifact);
  }
  database.close();
  for (const folder of ["actions", "attempts", "adopted", "absent", "tags", "claims"])
    fs.rmSync(path.join(home, folder), { recursive: true });
  for (const file of ["format", "lock"]) fs.rmSync(path.join(home, file), { force: true });
};

const inOldStore = (test: (rig: Rig) => Promise<void>) =>
  inRig(async (rig) => {
    rig.write("e.yaml", experiment("c"));
    assert.deepStrictEqual(await rig.made("e.yaml"), ["a", "b", "c"]);
    makeOld(rig);
    await test(rig);
  });

const succeeds = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { code, stdout, stderr } = await rig.pipe(...args);
  assert.strictEqual(code, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
};

describe("an old store", () => {
  for (const first of [["plan", "e.yaml"], ["run", "e.yaml"], ["fsck"]])
    it(
      `is taken over by pipe ${first[0]}: nothing runs again; tags, attempts and collected artifacts are kept`,
      inOldStore(async (rig) => {
        await succeeds(rig, ...first);
        assert.deepStrictEqual(await rig.made("e.yaml"), []);
        assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/quarantine")).length, 1);
        assert.isFalse(rig.has(".pipe/index.sqlite"));
        assert.strictEqual(actionsIn(rig.path(".pipe")).length, 3);
        assert.match(await succeeds(rig, "tag", "paper"), /^[0-9a-f]{64}\n$/u);
        assert.match(await succeeds(rig, "why", "e.yaml", "b"), /e-1/u);
        assert.include(await succeeds(rig, "fsck"), "no damage");
        rig.write("e.yaml", experiment("d"));
        assert.deepStrictEqual(await rig.made("e.yaml"), ["d"]);
      }),
    );

  it(
    "is taken over by one of several processes that start together",
    inOldStore(async (rig) => {
      const results = await Promise.all([1, 2, 3].map(() => rig.pipe("run", "e.yaml")));
      for (const { code, stderr } of results) assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(rig.newCalls(), []);
      assert.strictEqual(actionsIn(rig.path(".pipe")).length, 3);
    }),
  );

  it(
    "is left alone while an earlier pipe works in it",
    inOldStore(async (rig) => {
      const lock = new OwnerLock(rig.path(".pipe/owners/old"));
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      lock.release();
      assert.strictEqual(code, 4);
      assert.include(stderr, "an earlier version of pipe works in this store");
      assert.isTrue(rig.has(".pipe/index.sqlite"));
      assert.isFalse(rig.has(".pipe/actions"));
      await succeeds(rig, "run", "e.yaml");
    }),
  );

  it(
    "is refused, with a fix, if its rows can't be read",
    inOldStore(async (rig) => {
      fs.truncateSync(rig.path(".pipe/index.sqlite"));
      for (const command of ["plan", "run"]) {
        const { code, stderr } = await rig.pipe(command, "e.yaml");
        assert.strictEqual(code, 4, stderr);
        assert.include(stderr, "move the file away");
        assert.deepStrictEqual(rig.newCalls(), []);
      }
    }),
  );
});

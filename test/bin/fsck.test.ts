/** Every kind of damage is found, reported, set aside and made again, and nothing else is. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { actionFileOf } from "../cache/recordsIn.ts";
import { inCopies, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

/** a → b → c, and d, which shares a file with b. */
const experiment = `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { does: "head -c 200000 /dev/zero > {out}/zeros" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "b of $(cat {in.a}/value)", does: "seq 1 1000 > {out}/shared" })} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet("c", { value: "c of $(cat {in.b}/value)" })} } }
  d: { use: command, with: { run: ${puppet("d", { does: "seq 1 1000 > {out}/shared; echo run > {out}/tool; chmod +x {out}/tool" })} } }
`;
const everything = ["a", "b", "c", "d"];

const inMadeRig = inCopies(async (rig) => {
  rig.write("e.yaml", experiment);
  assert.deepStrictEqual(await rig.made("e.yaml"), everything);
  await clean(rig);
});

const clean = async (rig: Rig) => {
  const { code, stdout, stderr } = await rig.pipe("fsck");
  assert.strictEqual(code, 0, stdout + stderr);
  assert.include(stdout, "no damage");
};

interface Finding {
  readonly message: string;
  readonly damage: boolean;
}

const findings = async (rig: Rig, expectedCode: number) => {
  const { code, stdout, stderr } = await rig.pipe("fsck", "--json");
  assert.strictEqual(code, expectedCode, stdout + stderr);
  return jsonLines(stdout).filter(
    ({ what }) => what === "finding",
  ) as unknown as ReadonlyArray<Finding>;
};

const repaired = async (rig: Rig) => {
  const { code, stdout, stderr } = await rig.pipe("fsck", "--repair");
  assert.strictEqual(code, 0, stdout + stderr);
  return stdout;
};

const directoryOf = async (rig: Rig, node: string) => {
  const { stdout } = await rig.pipe("show", "--json", node);
  return (JSON.parse(stdout) as { readonly directory: string }).directory;
};

/** Replaces bytes and keeps size and modification time, as bit rot does. */
const rot = (file: string) => {
  const { size, mtime, atime, mode } = fs.statSync(file);
  fs.chmodSync(file, 0o644);
  const descriptor = fs.openSync(file, "r+");
  fs.writeSync(descriptor, "X", size - 2);
  fs.closeSync(descriptor);
  fs.chmodSync(file, mode);
  fs.utimesSync(file, atime, mtime);
};

const expectMade = async (rig: Rig, nodes: ReadonlyArray<string>) => {
  assert.deepStrictEqual(await rig.made("e.yaml"), nodes);
  assert.strictEqual((await rig.filesOf("c"))["value"], "c of b of a\n");
  await clean(rig);
};

describe("bit rot", () => {
  it(
    "is found; after --repair exactly that artifact is made again, and downstream results stay",
    inMadeRig(async (rig) => {
      rot(`${await directoryOf(rig, "b")}/value`);
      assert.deepStrictEqual(await rig.made("e.yaml"), [], "no stat shows it");
      const found = await findings(rig, 3);
      assert.deepStrictEqual(
        found.map(({ damage }) => damage),
        [true, true],
      );
      assert.match(found[1]?.message ?? "", /\(b of e\).*value holds other bytes/u);
      assert.match(await repaired(rig), /2 findings repaired/u);
      await clean(rig);
      const kept = fs.readdirSync(rig.path(".pipe/quarantine"));
      assert.strictEqual(kept.length, 2);
      await expectMade(rig, ["b"]);
    }),
  );

  it(
    "in a file that two artifacts share damages both; in a large file, too",
    inMadeRig(async (rig) => {
      rot(`${await directoryOf(rig, "b")}/shared`);
      rot(`${await directoryOf(rig, "a")}/zeros`);
      assert.strictEqual((await findings(rig, 3)).length, 5);
      await repaired(rig);
      await expectMade(rig, ["a", "b", "d"]);
    }),
  );

  it(
    "in a blob without an artifact is set aside before the blob is used",
    inMadeRig(async (rig) => {
      const directory = await directoryOf(rig, "d");
      rot(`${directory}/value`);
      fs.rmSync(directory, { recursive: true });
      const found = await findings(rig, 3);
      assert.deepStrictEqual(found.length, 2);
      await repaired(rig);
      await expectMade(rig, ["d"]);
      assert.strictEqual((await rig.filesOf("d"))["value"], "d\n");
    }),
  );
});

describe("other damage to files", () => {
  for (const [what, harm, message, made] of [
    [
      "a truncated file",
      (tree: string) => overwrite(`${tree}/shared`, "short"),
      "shared",
      ["b", "d"],
    ],
    ["a file too many", (tree: string) => fs.writeFileSync(`${tree}/more`, "x"), "more", ["b"]],
    ["a missing file", (tree: string) => fs.rmSync(`${tree}/value`), "value is missing", ["b"]],
    ["a missing tree", (tree: string) => fs.rmSync(tree, { recursive: true }), "gone", ["b"]],
    [
      "a file replaced by another",
      (tree: string) => {
        fs.rmSync(`${tree}/value`);
        fs.writeFileSync(`${tree}/value`, "b of x\n");
      },
      "value holds other bytes",
      ["b"],
    ],
    [
      "a link out of the store",
      (tree: string) => {
        fs.rmSync(`${tree}/value`);
        fs.symlinkSync("/etc/hostname", `${tree}/value`);
      },
      "symbolic link",
      ["b"],
    ],
  ] as const)
    it(
      `${what} is found, and made again after --repair`,
      inMadeRig(async (rig) => {
        harm(await directoryOf(rig, "b"));
        const found = await findings(rig, 3);
        assert.include(found.map((each) => each.message).join("\n"), message);
        await repaired(rig);
        await expectMade(rig, made);
      }),
    );

  it(
    "a changed time or mode and a blob that lost its name are restored, and nothing is made again",
    inMadeRig(async (rig) => {
      const [b, d] = [await directoryOf(rig, "b"), await directoryOf(rig, "d")];
      fs.utimesSync(`${b}/value`, new Date(), new Date());
      fs.chmodSync(`${d}/tool`, 0o644);
      assert.strictEqual((await findings(rig, 3)).length, 2);
      await repaired(rig);
      await expectMade(rig, []);
      const inode = fs.statSync(`${b}/value`).ino;
      const blob = fs
        .readdirSync(rig.path(".pipe/blobs"), { recursive: true })
        .map((name) => rig.path(".pipe/blobs", String(name)))
        .find((file) => fs.statSync(file).ino === inode);
      fs.rmSync(blob ?? "");
      assert.deepStrictEqual(
        (await findings(rig, 0)).map(({ damage }) => damage),
        [false],
      );
      await repaired(rig);
      assert.isTrue(fs.existsSync(blob ?? ""));
      await clean(rig);
    }),
  );
});

const overwrite = (file: string, text: string) => {
  fs.chmodSync(file, 0o644);
  fs.writeFileSync(file, text);
};

describe("records", () => {
  it(
    "are checked: torn and changed actions, tags, stale locks, runs without a plan, links",
    inMadeRig(async (rig) => {
      const home = rig.path(".pipe");
      const [rotten, torn] = [actionFileOf(home, "a"), actionFileOf(home, "d")];
      fs.truncateSync(torn, 100);
      fs.writeFileSync(
        rotten,
        fs.readFileSync(rotten, "utf8").replace("wallSeconds", "wallSecondz"),
      );
      const digest = path.basename(await directoryOf(rig, "c"));
      assert.strictEqual((await rig.pipe("tag", "kept", digest)).code, 0);
      rig.write(".pipe/tags/unreadable.json", "{");
      rig.write(".pipe/tags/lost.json", '{"name":"lost","artifact":"00","taggedAt":"2026-01-01"}');
      fs.symlinkSync("nobody/token/process 1 on a host", rig.path(".pipe/claims/key"));
      fs.mkdirSync(rig.path(".pipe/runs/e-9"));
      rig.write(".pipe/runs/e-9/plan.json", "{");
      rig.write(".pipe/owners/dead", "");
      const messages = (await findings(rig, 3)).map(({ message }) => message).join("\n");
      for (const part of [
        `${path.basename(rotten)} is damaged`,
        `${path.basename(torn)} is damaged`,
        "tag lost",
        "unreadable.json can't be read",
        "process 1 on a host, which is dead",
        "run e-9 can't be read",
      ])
        assert.include(messages, part);
      await repaired(rig);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/owners")), []);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/claims")), []);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/tags")), ["kept.json"]);
      const { stdout } = await rig.pipe("fsck");
      assert.notInclude(stdout, "damaged");
      await expectMade(rig, ["a", "d"]);
    }),
  );

  it(
    "after a power cut may include an empty action, which is no damage and answers nothing",
    inMadeRig(async (rig) => {
      fs.truncateSync(actionFileOf(rig.path(".pipe"), "d"));
      assert.deepStrictEqual(
        (await findings(rig, 0)).map(({ damage }) => damage),
        [false],
      );
      fs.rmSync(indexDirectory(rig), { recursive: true });
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run d"]);
      await repaired(rig);
      await expectMade(rig, ["d"]);
    }),
  );
});

/** A made rig whose store has an index, which a copy begins without. */
const inIndexedRig = (test: (rig: Rig) => Promise<void>) =>
  inMadeRig(async (rig) => {
    assert.deepStrictEqual(await rig.due("e.yaml"), []);
    await test(rig);
  });

/** The index of the rig's store on this host. */
const indexDirectory = (rig: Rig) => {
  const { dev, ino } = fs.statSync(rig.path(".pipe"));
  const cache = path.join(os.homedir(), ".cache/pipe/index", os.hostname());
  return path.join(cache, `${dev}-${ino}`);
};

describe("an index", () => {
  for (const [what, harm] of [
    ["that is no database", (file: string) => overwrite(file, "x".repeat(10_000))],
    ["that is empty", (file: string) => fs.truncateSync(file)],
    ["that is missing", (file: string) => fs.rmSync(file)],
    [
      "whose pages are damaged",
      (file: string) => {
        const pages = new DatabaseSync(file);
        pages.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        const root = "SELECT rootpage FROM sqlite_master WHERE name = 'actions'";
        const page = Number(pages.prepare(root).get()?.["rootpage"]);
        pages.close();
        const descriptor = fs.openSync(file, "r+");
        fs.writeSync(descriptor, Buffer.alloc(4096, 0xaa), 0, 4096, (page - 1) * 4096);
        fs.closeSync(descriptor);
      },
    ],
    [
      "of another version",
      (file: string) => {
        const database = new DatabaseSync(file);
        database.exec("PRAGMA user_version = 99");
        database.close();
      },
    ],
    [
      "that has forgotten an action",
      (file: string) => {
        const database = new DatabaseSync(file);
        database.exec(
          "DELETE FROM actions WHERE node = 'b'; DELETE FROM records; DELETE FROM folders",
        );
        database.close();
      },
    ],
  ] as const)
    it(
      `${what} is rebuilt from the action files without notice`,
      inIndexedRig(async (rig) => {
        harm(path.join(indexDirectory(rig), "index.sqlite"));
        assert.deepStrictEqual(await rig.due("e.yaml"), []);
        await expectMade(rig, []);
      }),
    );

  it(
    "with silently changed actions is corrected by fsck",
    inIndexedRig(async (rig) => {
      const index = new DatabaseSync(path.join(indexDirectory(rig), "index.sqlite"));
      index.exec("DELETE FROM actions WHERE node = 'b'");
      index.close();
      assert.deepStrictEqual(await rig.due("e.yaml"), ["run b"]);
      await clean(rig);
      await expectMade(rig, []);
    }),
  );

  it(
    "follows a store that is renamed, copied, or opened by another path",
    inIndexedRig(async (rig) => {
      const due = async (home: string) => {
        const { ended } = rig.start(["plan", "e.yaml", "--check"], { PIPE_HOME: rig.path(home) });
        const { code, stderr } = await ended;
        assert.strictEqual(code, 0, stderr);
      };
      const first = indexDirectory(rig);
      fs.renameSync(rig.path(".pipe"), rig.path("moved"));
      fs.symlinkSync(rig.path("moved"), rig.path("link"));
      await due("link");
      assert.strictEqual(fs.readlinkSync(path.join(first, "store")), rig.path("link"));
      fs.cpSync(rig.path("moved"), rig.path("copy"), {
        recursive: true,
        preserveTimestamps: true,
        verbatimSymlinks: true,
      });
      await due("copy");
      fs.rmSync(rig.path("moved"), { recursive: true });
      fs.renameSync(rig.path("copy"), rig.path(".pipe"));
      await expectMade(rig, []);
    }),
  );

  it(
    "that can't be written is built in memory",
    inMadeRig(async (rig) => {
      rig.write("file", "");
      const { ended } = rig.start(["run", "e.yaml"], {
        XDG_CACHE_HOME: rig.path("file"),
        HOME: rig.path("file"),
      });
      const { code, stderr } = await ended;
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(rig.newCalls(), []);
    }),
  );
});

describe("beside other processes", () => {
  it(
    "fsck --repair and gc run while nodes are made: every run succeeds",
    inMadeRig(async (rig) => {
      let working = true;
      const loop = async (...args: ReadonlyArray<string>) => {
        while (working) {
          const { code, stdout, stderr } = await rig.pipe(...args);
          assert.strictEqual(code, 0, stdout + stderr);
        }
      };
      const runs = async () => {
        for (let edit = 0; edit < 6; edit += 1) {
          const set = ["--set", `d.env.EDIT=v${edit % 2}`];
          const { code, stderr } = await rig.pipe("run", "e.yaml", ...set);
          assert.strictEqual(code, 0, stderr);
        }
      };
      await Promise.all([
        loop("fsck", "--repair"),
        loop("fsck", "--repair"),
        loop("gc", "--delete", "--older-than", "0s"),
        runs().finally(() => (working = false)),
      ]);
      await rig.made("e.yaml");
      await expectMade(rig, []);
    }),
  );
});

/** Damage of every kind is found, said, set aside and made anew; and nothing else is. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

/** a → b → c, and d, which shares a file with b. */
const experiment = `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { does: "head -c 200000 /dev/zero > {out}/zeros" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "b of $(cat {in.a}/value)", does: "seq 1 1000 > {out}/shared" })} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet("c", { value: "c of $(cat {in.b}/value)" })} } }
  d: { use: command, with: { run: ${puppet("d", { does: "seq 1 1000 > {out}/shared; echo run > {out}/tool; chmod +x {out}/tool" })} } }
`;
const everything = ["a", "b", "c", "d"];

const inMadeRig = (test: (rig: Rig) => Promise<void>) =>
  inRig(async (rig) => {
    rig.write("e.yaml", experiment);
    assert.deepStrictEqual(await rig.made("e.yaml"), everything);
    await clean(rig);
    await test(rig);
  });

const clean = async (rig: Rig) => {
  const { code, stdout, stderr } = await rig.pipe("fsck");
  assert.strictEqual(code, 0, stdout + stderr);
  assert.include(stdout, "all is as it was stored");
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

/** Other bytes of the same number, at the same time of change: as rotten bits are. */
const rot = (file: string) => {
  const { size, mtime, atime, mode } = fs.statSync(file);
  fs.chmodSync(file, 0o644);
  const descriptor = fs.openSync(file, "r+");
  fs.writeSync(descriptor, "X", size - 2);
  fs.closeSync(descriptor);
  fs.chmodSync(file, mode);
  fs.utimesSync(file, atime, mtime);
};

const sql = (rig: Rig, ...statements: ReadonlyArray<string>) => {
  const index = new DatabaseSync(rig.path(".pipe/index.sqlite"));
  for (const statement of statements) index.exec(statement);
  index.close();
};

const expectMade = async (rig: Rig, nodes: ReadonlyArray<string>) => {
  assert.deepStrictEqual(await rig.made("e.yaml"), nodes);
  assert.strictEqual((await rig.filesOf("c"))["value"], "c of b of a\n");
  await clean(rig);
};

describe("bits that rotted without a trace", () => {
  it(
    "are found; after --repair exactly that artifact is made again, and what was made from it stays",
    inMadeRig(async (rig) => {
      rot(`${await directoryOf(rig, "b")}/value`);
      assert.deepStrictEqual(await rig.made("e.yaml"), [], "no stat shows it");
      const found = await findings(rig, 3);
      assert.deepStrictEqual(
        found.map(({ damage }) => damage),
        [true, true],
      );
      assert.match(found[1]?.message ?? "", /\(b of e\).*value holds other bytes/u);
      assert.match(await repaired(rig), /2 things put right/u);
      await clean(rig);
      const kept = fs.readdirSync(rig.path(".pipe/quarantine"));
      assert.strictEqual(kept.length, 2);
      await expectMade(rig, ["b"]);
    }),
  );

  it(
    "in a file that two artifacts share cost both; in a large file, too",
    inMadeRig(async (rig) => {
      rot(`${await directoryOf(rig, "b")}/shared`);
      rot(`${await directoryOf(rig, "a")}/zeros`);
      assert.strictEqual((await findings(rig, 3)).length, 5);
      await repaired(rig);
      await expectMade(rig, ["a", "b", "d"]);
    }),
  );

  it(
    "in a blob that no artifact has are set aside before anything is made of it",
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
      "links of others",
      ["b"],
    ],
  ] as const)
    it(
      `${what} is found, and made anew after --repair`,
      inMadeRig(async (rig) => {
        harm(await directoryOf(rig, "b"));
        const found = await findings(rig, 3);
        assert.include(found.map((each) => each.message).join("\n"), message);
        await repaired(rig);
        await clean(rig);
        await expectMade(rig, made);
      }),
    );

  it(
    "a time or mode that changed, and a blob that lost its name, are put back: nothing is made again",
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

describe("what the index says", () => {
  it(
    "is checked: actions without artifact, records that can't be read, tags, dead claims, runs without a plan, links",
    inMadeRig(async (rig) => {
      sql(
        rig,
        "DELETE FROM artifacts WHERE digest = (SELECT artifact FROM actions WHERE node = 'd')",
        "UPDATE actions SET record = '{' WHERE node = 'a'",
        "INSERT INTO tags VALUES ('lost', '00', '2026-01-01')",
        "INSERT INTO claims VALUES ('key', 'token', 'nobody', 'process 1 on a host')",
      );
      fs.mkdirSync(rig.path(".pipe/runs/e-9"));
      rig.write(".pipe/runs/e-9/plan.json", "{");
      rig.write(".pipe/owners/dead", "");
      const said = (await findings(rig, 3)).map(({ message }) => message).join("\n");
      for (const part of [
        "made d names an artifact",
        "made a can't be read",
        "tag lost",
        "process 1 on a host, which is gone",
        "run e-9 can't be read",
      ])
        assert.include(said, part);
      await repaired(rig);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/owners")), []);
      const { stdout } = await rig.pipe("fsck");
      assert.notInclude(stdout, "damaged");
      await expectMade(rig, ["a", "d"]);
    }),
  );
});

describe("a corrupt index", () => {
  const lost = async (rig: Rig) => {
    const { code, stderr } = await rig.pipe("fsck");
    assert.strictEqual(code, 4, stderr);
    assert.include(stderr, "pipe fsck --repair");
  };

  it(
    "whose pages are damaged is moved aside, and what can be read is saved",
    inMadeRig(async (rig) => {
      sql(rig, "PRAGMA wal_checkpoint(TRUNCATE)");
      const file = rig.path(".pipe/index.sqlite");
      const pages = new DatabaseSync(file);
      const page = Number(
        pages.prepare("SELECT rootpage FROM sqlite_master WHERE name = 'attempts'").get()?.[
          "rootpage"
        ],
      );
      pages.close();
      const descriptor = fs.openSync(file, "r+");
      fs.writeSync(descriptor, Buffer.alloc(4096, 0xaa), 0, 4096, (page - 1) * 4096);
      fs.closeSync(descriptor);
      await lost(rig);
      const said = await repaired(rig);
      assert.match(said, /saved: 4 artifacts, 4 actions, 0 attempts/u);
      assert.include(said, "could not be read of attempts");
      assert.isTrue(rig.has(".pipe/index.sqlite.corrupt-1"));
      await expectMade(rig, []);
    }),
  );

  for (const [what, harm] of [
    ["that is no database", (file: string) => overwrite(file, "x".repeat(10_000))],
    ["that is empty", (file: string) => fs.truncateSync(file)],
    ["that is missing", (file: string) => fs.rmSync(file)],
  ] as const)
    it(
      `${what} is made anew from the trees, and says that every action is lost`,
      inMadeRig(async (rig) => {
        sql(rig, "PRAGMA wal_checkpoint(TRUNCATE)");
        harm(rig.path(".pipe/index.sqlite"));
        await lost(rig);
        for (const command of ["plan", "run"]) {
          const { code, stderr } = await rig.pipe(command, "e.yaml");
          assert.strictEqual(code, 4, stderr);
          assert.include(stderr, "pipe fsck --repair");
          assert.deepStrictEqual(rig.newCalls(), []);
        }
        assert.match(await repaired(rig), /4 artifacts \(4 known by their own bytes alone\)/u);
        await expectMade(rig, everything);
      }),
    );
});

describe("beside others", () => {
  it(
    "fsck --repair and gc run while nodes are made: every run succeeds",
    { timeout: 120_000 },
    inMadeRig(async (rig) => {
      let working = true;
      const loop = async (...args: ReadonlyArray<string>) => {
        while (working) {
          const { code, stdout, stderr } = await rig.pipe(...args);
          assert.strictEqual(code, 0, stdout + stderr);
        }
      };
      const loops = [
        loop("fsck", "--repair"),
        loop("fsck", "--repair"),
        loop("gc", "--delete", "--older-than", "0s"),
      ];
      for (let edit = 0; edit < 6; edit += 1) {
        const { code, stderr } = await rig.pipe(
          "run",
          "e.yaml",
          "--set",
          `d.env.EDIT=v${edit % 2}`,
        );
        assert.strictEqual(code, 0, stderr);
      }
      working = false;
      await Promise.all(loops);
      await rig.made("e.yaml");
      await expectMade(rig, []);
    }),
  );
});

/** Garbage collection: what is deleted, what stays, what is freed, and that running nodes are not disturbed. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { Absences } from "../../cache/Absences.ts";
import { actionsIn } from "../cache/recordsIn.ts";
import { inRig, jsonLines, puppet, type Rig, waitFor } from "../rig/Rig.ts";

/** a → b → c, each with its own value. */
const chain = ({ a = "a", c = "c", does = ":" } = {}): string => `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { value: a })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "b of $(cat {in.a}/value)" })} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet("c", { value: `${c} of $(cat {in.b}/value)`, does })} } }
`;

interface Listed {
  readonly what: string;
  readonly node?: string;
  readonly kind?: string;
  readonly freed: number;
  readonly staying?: number;
}

const listed = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { code, stdout, stderr } = await rig.pipe("gc", "--json", ...args);
  assert.strictEqual(code, 0, stderr);
  return jsonLines(stdout) as unknown as ReadonlyArray<Listed>;
};

/** The nodes whose artifacts would be deleted, sorted. */
const going = async (rig: Rig, ...args: ReadonlyArray<string>) =>
  (await listed(rig, ...args))
    .flatMap(({ what, node }) => (what === "artifact" ? [node ?? ""] : []))
    .toSorted();

const leftovers = async (rig: Rig) =>
  (await listed(rig)).flatMap(({ what, kind }) => (what === "leftover" ? [kind] : []));

const succeeds = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { code, stdout, stderr } = await rig.pipe(...args);
  assert.strictEqual(code, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
};

const forget = (rig: Rig, run: string) =>
  fs.rmSync(rig.path(".pipe/runs", run), { recursive: true });

const blobCount = (rig: Rig) =>
  fs
    .readdirSync(rig.path(".pipe/blobs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).length;

describe("an unreached artifact", () => {
  it(
    "is listed and, with --delete, deleted; reached ones stay, and deleted ones are made again when needed",
    inRig(async (rig) => {
      rig.write("e.yaml", chain());
      await rig.made("e.yaml");
      rig.write("e.yaml", chain({ c: "other" }));
      await rig.made("e.yaml");
      assert.deepStrictEqual(await going(rig), []);
      forget(rig, "e-1");
      const text = await succeeds(rig, "gc");
      assert.match(text, /files [0-9a-f]{12} {2}c \(command\) of e; making it again takes/u);
      assert.include(text, "nothing has been deleted");
      assert.deepStrictEqual(await going(rig), ["c"]);
      const blobs = blobCount(rig);
      assert.include(await succeeds(rig, "gc", "--delete"), "deleted 1 artifact");
      assert.strictEqual(blobCount(rig), blobs - 1);
      assert.deepStrictEqual(await listed(rig).then((all) => all.length), 1);

      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      rig.write("e.yaml", chain());
      assert.deepStrictEqual(await rig.made("e.yaml"), ["c"]);
      assert.deepStrictEqual(await rig.filesOf("c"), { value: "c of b of a\n" });
    }),
  );

  it(
    "upstream of a tagged result is deleted; the result is still found, and only due nodes need the artifact",
    inRig(async (rig) => {
      rig.write("e.yaml", chain());
      await rig.made("e.yaml");
      await succeeds(rig, "tag", "paper", "e-1/c");
      const digest = (await succeeds(rig, "tag", "paper")).trim();
      forget(rig, "e-1");
      const staying = (await listed(rig)).filter(({ what }) => what === "artifact");
      assert.sameDeepMembers(
        staying.map(({ node, staying: results }) => [node, results]),
        [
          ["a", 0],
          ["b", 1],
        ],
      );
      await succeeds(rig, "gc", "--delete");
      assert.include(await succeeds(rig, "show", "paper"), digest);
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      rig.write("e.yaml", chain({ c: "edited" }));
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a", "b", "c"]);
      assert.deepStrictEqual(await rig.filesOf("c"), { value: "edited of b of a\n" });
    }),
  );

  it(
    "frees only files that no kept artifact shares",
    inRig(async (rig) => {
      const big = "seq 1 100000 > {out}/big; head -c 5000 /dev/zero > {out}/own";
      const text = (run: string, more: string) => `name: ${run}
stages: { s: { use: command, with: { run: ${puppet(run, { does: `${more}` })} } } }
`;
      rig.write("one.yaml", text("one", big));
      rig.write("two.yaml", text("two", "seq 1 100000 > {out}/big"));
      await rig.made("one.yaml");
      await rig.made("two.yaml");
      forget(rig, "one-1");
      const [first] = await listed(rig);
      assert.strictEqual(first?.freed, 5000 + "one\n".length);
      await succeeds(rig, "gc", "--delete");
      assert.strictEqual(blobCount(rig), 2, "the shared one, and the other's own");
      forget(rig, "two-1");
      const [second] = await listed(rig);
      assert.isAbove(second?.freed ?? 0, 500_000);
      await succeeds(rig, "gc", "--delete");
      assert.strictEqual(blobCount(rig), 0);
    }),
  );
});

describe("--older-than", () => {
  it(
    "deletes older runs and what only they keep, but never a running one",
    inRig(async (rig) => {
      rig.write("e.yaml", chain());
      await rig.made("e.yaml");
      const longAgo = new Date(Date.now() - 40 * 86_400_000);
      fs.utimesSync(rig.path(".pipe/runs/e-1/experiment.yaml"), longAgo, longAgo);
      rig.write("e.yaml", chain({ c: "new" }));
      await rig.made("e.yaml");
      assert.deepStrictEqual(await going(rig, "--older-than", "60d"), []);
      assert.deepStrictEqual(await going(rig, "--older-than", "30 days"), ["c"]);
      await succeeds(rig, "gc", "--older-than", "30d", "--delete");
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/runs")), ["e-2"]);
      assert.deepStrictEqual(await rig.made("e.yaml"), []);

      rig.write("e.yaml", chain({ c: "slow", does: waitFor("go") }));
      const { ended } = rig.start(["run", "e.yaml"]);
      rig.newCalls();
      await rig.until("c runs", () => rig.newCalls().includes("c"));
      await succeeds(rig, "gc", "--older-than", "0s", "--delete");
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/runs")), ["e-4"]);
      rig.write("go", "");
      assert.strictEqual((await ended).code, 0);
      assert.deepStrictEqual(await rig.filesOf("c"), { value: "slow of b of a\n" });
      rig.newCalls();
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
    }),
  );

  for (const wrong of [
    ["--older-than", "yesterday"],
    ["--older-than", "5ms"],
    ["--max-size", "small"],
  ] as const)
    it(
      `${wrong.join(" ")} is refused, and nothing is deleted`,
      inRig(async (rig) => {
        const { code, stderr } = await rig.pipe("gc", ...wrong);
        assert.strictEqual(code, 2);
        assert.include(stderr, wrong[1]);
        assert.isFalse(rig.has(".pipe"));
      }),
    );
});

/** The time that the node took when it was made. */
const secondsOf = async (rig: Rig, node: string): Promise<number> => {
  const { actions } = JSON.parse(await succeeds(rig, "show", "--json", node)) as {
    readonly actions: ReadonlyArray<{ readonly cost: { readonly wallSeconds: number } }>;
  };
  return actions[0]!.cost.wallSeconds;
};

describe("--max-size", () => {
  it(
    "deletes first what is quickest to make again per byte; the newest run and tagged artifacts stay",
    inRig(async (rig) => {
      const sized = (name: string, seconds: number) => `name: ${name}
stages: { ${name}: { use: command, with: { run: ${puppet(name, { does: `head -c 400000 /dev/urandom > {out}/big; sleep ${seconds}` })} } } }
`;
      const make = async (name: string, seconds = 0) => {
        rig.write(`${name}.yaml`, sized(name, seconds));
        await rig.made(`${name}.yaml`);
      };
      await make("quick");
      await make("slow", 2 * (await secondsOf(rig, "quick")) + 1);
      await make("kept");
      await make("newest");
      await succeeds(rig, "tag", "kept", "kept-1/kept");
      const sizeNow = (await listed(rig)).at(-1) as unknown as { readonly store: number };
      assert.deepStrictEqual(await going(rig), []);
      assert.deepStrictEqual(await going(rig, "--max-size", `${sizeNow.store}B`), []);
      assert.deepStrictEqual(await going(rig, "--max-size", `${sizeNow.store - 1000}B`), ["quick"]);
      assert.deepStrictEqual(await going(rig, "--max-size", "1MB"), ["quick", "slow"]);
      assert.deepStrictEqual(await going(rig, "--max-size", "1kB"), ["quick", "slow"]);
      assert.match(await succeeds(rig, "gc", "--max-size", "1KB"), /remain, more than 1.0 kB/u);
      await succeeds(rig, "gc", "--max-size", "1MB", "--delete");
      rig.newCalls();
      for (const name of ["kept", "newest"])
        assert.deepStrictEqual(await rig.made(`${name}.yaml`), []);
      for (const name of ["slow", "quick"])
        assert.deepStrictEqual(await rig.made(`${name}.yaml`), [name]);
      assert.match(await succeeds(rig, "show", "kept"), /400 kB {2}big/u);
    }),
  );
});

describe("the newest run", () => {
  it(
    "is the one with the highest number, even where the clock was set back",
    inRig(async (rig) => {
      rig.write("e.yaml", chain());
      await rig.made("e.yaml");
      rig.write("e.yaml", chain({ c: "new" }));
      await rig.made("e.yaml");
      const anHourAgo = new Date(Date.now() - 3_600_000);
      for (const file of ["plan.json", "experiment.yaml"])
        fs.utimesSync(rig.path(".pipe/runs/e-2", file), anHourAgo, anHourAgo);
      await succeeds(rig, "gc", "--max-size", "1B", "--delete");
      rig.newCalls();
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      assert.deepStrictEqual(await rig.filesOf("c"), { value: "new of b of a\n" });
    }),
  );

  it(
    "keeps its artifacts after somebody renamed it",
    inRig(async (rig) => {
      rig.write("e.yaml", chain());
      await rig.made("e.yaml");
      fs.renameSync(rig.path(".pipe/runs/e-1"), rig.path(".pipe/runs/best"));
      rig.write(".pipe/runs/notes/text", "mine");
      assert.deepStrictEqual(await going(rig, "--max-size", "1B"), []);
      const [run, ...others] = jsonLines(await succeeds(rig, "runs", "--json"));
      assert.include(run, { run: "best", state: "done" });
      assert.deepStrictEqual(others, []);
      await succeeds(rig, "gc", "--older-than", "0s", "--delete");
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/runs")), ["notes"]);
    }),
  );
});

describe("leftovers", () => {
  it(
    "of failures, kills and crashes are deleted, owner locks of killed runs included",
    inRig(async (rig) => {
      rig.write("e.yaml", chain({ c: "$(exit 3)", does: "exit 3" }));
      assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 1);
      assert.deepStrictEqual(await leftovers(rig), [
        "work directory of a failed or killed attempt",
      ]);

      rig.write("e.yaml", chain({ does: "sleep 100" }));
      const { child, ended } = rig.start(["run", "e.yaml"]);
      await rig.until("c runs", () => rig.calls.filter((call) => call === "c").length === 2);
      const failedOnly = await leftovers(rig);
      assert.deepStrictEqual(failedOnly, ["work directory of a failed or killed attempt"]);
      child.kill("SIGKILL");
      await ended;
      fs.mkdirSync(rig.path(".pipe/incoming/half/made"), { recursive: true });
      rig.write(".pipe/incoming/half/made/file", "x");
      rig.write(`.pipe/trees/${"0".repeat(64)}/file`, "of a commit that never came");
      rig.write(`.pipe/blobs/00/${"0".repeat(64)}`, "of nobody");
      rig.write(".pipe/quarantine/bad", "x");
      await rig.until("no process is left", () => rig.survivors.length === 0);
      assert.sameMembers(
        [...new Set(await leftovers(rig))],
        [
          "work directory of a failed or killed attempt",
          "partly stored files",
          "tree without an action",
          "blob without an artifact",
          "damaged files in quarantine/",
          "lock file of a dead process",
        ],
      );
      await succeeds(rig, "gc", "--delete");
      assert.deepStrictEqual(await leftovers(rig), []);
      for (const folder of ["work", "incoming", "owners", "quarantine"])
        assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe", folder)), [], folder);
      assert.strictEqual(fs.readdirSync(rig.path(".pipe/trees")).length, 2);
      rig.newCalls();
      rig.write("e.yaml", chain());
      assert.deepStrictEqual(await rig.made("e.yaml"), ["c"]);
    }),
  );
});

/** One hundred nodes in three layers; `edit` changes one in the first, which makes its descendants due. */
const wide = (edit: number): string => {
  const points = Array.from({ length: 33 }, (_, index) => index);
  return `name: wide
axes: { x: [${points.map((x) => `{ label: p${x}, X: "${x}", EDIT: "${x % 11 === edit % 11 ? edit : 0}" }`).join(", ")}] }
stages:
  a: { use: command, with: { env: $x, run: 'echo "$X $EDIT" > {out}/value; echo shared > {out}/same' } }
  b: { use: command, from: { a: a }, with: { run: 'cat {in.a}/value > {out}/value; echo b >> {out}/value; echo shared > {out}/same' } }
  c: { use: command, from: { b: b }, with: { run: 'cat {in.b}/value {in.b}/same > {out}/value' } }
  all: { use: command, from: { c: { all: c } }, with: { run: 'cat {in.c}/*/value | sort > {out}/value' } }
`;
};

const wideResult = (edit: number): string =>
  Array.from({ length: 33 }, (_, x) => [`${x} ${x % 11 === edit % 11 ? edit : 0}`, "b", "shared"])
    .flat()
    .map((line) => `${line}\n`)
    .toSorted()
    .join("");

const lines = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();

describe("gc --delete in a loop", () => {
  it(
    "beside runs of a hundred nodes that are edited and reverted: every run succeeds with right results",
    inRig(async (rig) => {
      let collecting = true;
      let collections = 0;
      let deleted = 0;
      const collector = async () => {
        while (collecting) {
          const { code, stdout, stderr } = await rig.pipe(
            "gc",
            "--json",
            "--delete",
            "--older-than",
            "0s",
          );
          assert.strictEqual(code, 0, stderr);
          deleted += jsonLines(stdout).filter((line) => line["what"] === "artifact").length;
          collections += 1;
        }
      };
      const runner = async (home: string, edits: ReadonlyArray<number>) => {
        const hasMet = () => collections > 2 && deleted > 50 && checked > 0;
        for (let round = 0; round < edits.length || !hasMet(); round += 1) {
          const edit = edits[round % edits.length]!;
          rig.write(`${home}.yaml`, wide(edit));
          const { code, stdout, stderr } = await rig.pipe("run", `${home}.yaml`, "--json");
          assert.strictEqual(code, 0, `${stdout}\n${stderr}`);
          const made = jsonLines(stdout).findLast(
            (line) =>
              line["node"] === "all" &&
              (line["_tag"] === "NodeSucceeded" || line["_tag"] === "NodeReused"),
          );
          // A result may be deleted right after the run's end; while it exists, it is right.
          if (made !== undefined) {
            try {
              const file = rig.path(".pipe/trees", String(made["artifact"]), "value");
              assert.deepStrictEqual(lines(fs.readFileSync(file, "utf8")), lines(wideResult(edit)));
              checked += 1;
            } catch (error) {
              if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
            }
          }
        }
      };
      let checked = 0;
      const runners = Promise.all([runner("one", [1, 2, 1]), runner("two", [2, 3, 2])]);
      await Promise.all([collector(), runners.finally(() => (collecting = false))]);
      rig.write("e.yaml", wide(7));
      assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 0);
      assert.deepStrictEqual(
        lines((await rig.filesOf("all"))["value"] ?? ""),
        lines(wideResult(7)),
      );
      assertHonest(rig);
    }),
  );

  it(
    "killed at moments of its work leaves a consistent store, and the next one finishes",
    inRig(async (rig) => {
      for (let round = 0; round < 4; round += 1) {
        rig.write("e.yaml", wide(round));
        assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 0);
        const trees = () => fs.readdirSync(rig.path(".pipe/trees")).length;
        const left = trees() - 1 - 20 * round;
        const { child, ended } = rig.start(["gc", "--delete", "--older-than", "0s"]);
        await rig.until(
          `${left} trees or the end`,
          () => trees() <= left || child.exitCode !== null,
        );
        child.kill("SIGKILL");
        await ended;
        assertHonest(rig);
      }
      await succeeds(rig, "gc", "--delete", "--older-than", "0s");
      assert.strictEqual(blobCount(rig), 0);
      for (const folder of ["trees", "work", "incoming", "owners", "runs", "claims"])
        assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe", folder)), [], folder);
    }),
  );
});

/** Every recorded artifact exists, file by file. */
const assertHonest = (rig: Rig) => {
  const absences = new Absences(rig.path(".pipe")).all();
  for (const { action, files } of actionsIn(rig.path(".pipe"))) {
    if (absences.has(action.artifact)) continue;
    for (const file of files)
      assert.isTrue(
        rig.has(`.pipe/trees/${action.artifact}/${file.path}`),
        `${action.artifact} ${file.path}`,
      );
  }
};

describe("tags", () => {
  it(
    "are listed, name an artifact, can be deleted, and have checked names",
    inRig(async (rig) => {
      rig.write("e.yaml", chain());
      await rig.made("e.yaml");
      assert.strictEqual(await succeeds(rig, "tag"), "");
      await succeeds(rig, "tag", "first", "a");
      const digest = (await succeeds(rig, "tag", "first")).trim();
      await succeeds(rig, "tag", "again", digest.slice(0, 10));
      await succeeds(rig, "tag", "through", "first");
      assert.strictEqual(
        await succeeds(rig, "tag"),
        ["again", "first", "through"].map((name) => `${name}  ${digest}\n`).join(""),
      );
      for (const [args, message] of [
        [["first", "b"], "another artifact"],
        [["a/b", "a"], "can't be a tag"],
        [["../x", "a"], "can't be a tag"],
        [["abcdef1", "a"], "can't be a tag"],
        [["new", "nowhere"], "nowhere"],
        [["--delete", "nobody"], "nobody"],
        [["--delete"], "--delete"],
      ] as const) {
        const { code, stderr } = await rig.pipe("tag", ...args);
        assert.strictEqual(code, 2, args.join(" "));
        assert.include(stderr, message);
      }
      await succeeds(rig, "tag", "--delete", "first");
      assert.strictEqual((await rig.pipe("tag", "first")).code, 2);
    }),
  );
});

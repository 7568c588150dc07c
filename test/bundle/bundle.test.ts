/** `pipe bundle` through the command line, held against tools that know nothing of us: `tar`, `sha512sum`. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { inCopies, inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";
import { jsonl, rollout } from "../stages/correlating.ts";

const rollouts = Array.from({ length: 120 }, (_, index) => {
  const [group, sample] = [Math.floor(index / 4), index % 4];
  const outcome = sample === group % 4 ? sample >= 2 : sample < 2;
  const perception = sample % 2 === 0;
  const rewards = { outcome: Number(outcome) };
  return rollout({
    id: `p${group}`,
    group,
    sample,
    outcome,
    perception,
    consistent: sample < 2,
    rewards,
  });
});

const spec = `
name: study
description: A study for a test
axes: { seed: [1, 2] }
stages:
  data:
    use: render
    with: { task: { kind: sudoku, size: 4, blanks: 6 }, splits: { train_sft: 6, test: 3 }, seed: 7 }
  cot: { use: distill, from: { data: data } }
  sampled: { use: files, with: { path: rollouts } }
  noted: { use: command, from: { data: data }, with: { run: ${puppet("noted[seed=${seed}]")} } }
  diagnosis: { use: correlate, from: { rollouts: { all: sampled } }, with: { resamples: 100 } }
`;

const terms = ["--license", "sampled=CC0-1.0", "--license", "noted=MIT"];

const study = async (rig: Rig): Promise<void> => {
  rig.write("study.yaml", spec);
  rig.write("rollouts/rollouts.jsonl", jsonl(rollouts));
  await rig.made("study.yaml");
};

/** Tests in copies of a project with a finished run of the study. */
const inStudy = inCopies(study);

interface Bundled {
  readonly file: string;
  readonly top: string;
  readonly identity: string;
  readonly tarSha256: string;
  readonly leftOut: ReadonlyArray<{ readonly path: string; readonly why: string }>;
}

const bundled = async (rig: Rig, ...args: ReadonlyArray<string>): Promise<Bundled> => {
  const { code, stdout, stderr } = await rig.pipe("bundle", "--json", ...terms, ...args);
  assert.strictEqual(code, 0, stdout + stderr);
  return jsonLines(stdout)[0] as unknown as Bundled;
};

const unpacked = (rig: Rig, { file, top }: Bundled): string => {
  const folder = rig.path(`unpacked-${top}`);
  fs.mkdirSync(folder, { recursive: true });
  execFileSync("tar", ["xzf", path.resolve(rig.directory, file), "-C", folder]);
  return path.join(folder, top);
};

const jsonIn = (folder: string, name: string): any =>
  JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("pipe bundle", () => {
  it(
    "writes a bag that tar unpacks and sha512sum checks; its manifest lists every payload file",
    inStudy(async (rig) => {
      const made = await bundled(rig);
      assert.strictEqual(made.top, `study-${made.identity.slice(0, 12)}`);
      assert.strictEqual(made.file, `${made.top}.tar.gz`);
      const packed = fs.readFileSync(rig.path(made.file));
      assert.strictEqual(made.tarSha256, sha256(zlib.gunzipSync(packed)));
      const listing = execFileSync("tar", ["tvzf", rig.path(made.file)], {
        encoding: "utf8",
        env: { ...process.env, TZ: "UTC" },
      });
      const lines = listing.trimEnd().split("\n");
      const names = lines.map((line) => line.split(" ").at(-1) ?? "");
      assert.deepStrictEqual(
        names,
        names.toSorted((one, other) => (one < other ? -1 : 1)),
      );
      for (const line of lines)
        assert.match(line, /^-rw(?:x|-)r-(?:x|-)r-(?:x|-) 0\/0 +\d+ 1970-01-01 00:00 study-/u);
      const folder = unpacked(rig, made);
      for (const manifest of ["manifest-sha512.txt", "tagmanifest-sha512.txt"])
        execFileSync("sha512sum", ["--strict", "--quiet", "-c", manifest], { cwd: folder });
      const manifest = fs.readFileSync(path.join(folder, "manifest-sha512.txt"));
      assert.strictEqual(sha256(manifest), made.identity);
      const listed = manifest
        .toString()
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(130));
      assert.deepStrictEqual(
        listed,
        names
          .map((name) => name.slice(made.top.length + 1))
          .filter((name) => name.startsWith("data/")),
      );
      fs.appendFileSync(path.join(folder, "data/run.json"), " ");
      assert.throws(() =>
        execFileSync("sha512sum", ["--quiet", "-c", "manifest-sha512.txt"], {
          cwd: folder,
          stdio: "ignore",
        }),
      );
    }),
  );

  it(
    "writes the same bytes in another directory, time zone, locale, home and umask, with other file times",
    inStudy(async (rig) => {
      const here = await bundled(rig);
      fs.mkdirSync(rig.path("elsewhere/home"), { recursive: true });
      fs.cpSync(rig.path(".pipe"), rig.path("elsewhere/store"), {
        recursive: true,
        verbatimSymlinks: true,
      });
      const touch = (directory: string): void => {
        for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
          const inner = path.join(directory, entry.name);
          if (entry.isDirectory()) touch(inner);
          else if (entry.isFile()) fs.utimesSync(inner, 86_400, 86_400);
        }
      };
      touch(rig.path("elsewhere/store/trees"));
      const { executable } = { executable: path.join(import.meta.dirname, "../../bin/pipe") };
      const stdout = execFileSync(
        "sh",
        [
          "-c",
          'umask 077; exec "$0" "$@"',
          executable,
          "bundle",
          "study-1",
          "--json",
          ...terms,
          "--to",
          "archive",
        ],
        {
          cwd: rig.path("elsewhere"),
          encoding: "utf8",
          env: {
            PATH: process.env["PATH"],
            HOME: rig.path("elsewhere/home"),
            PIPE_HOME: rig.path("elsewhere/store"),
            TZ: "Pacific/Kiritimati",
            LC_ALL: "tr_TR.UTF-8",
            LANG: "tr_TR.UTF-8",
          },
        },
      );
      const there = jsonLines(stdout)[0] as unknown as Bundled;
      assert.strictEqual(there.identity, here.identity);
      assert.deepStrictEqual(
        fs.readFileSync(rig.path("elsewhere/archive")),
        fs.readFileSync(rig.path(here.file)),
      );
    }),
  );

  it(
    "claims every number with its cost and its command; the README begins with them",
    inStudy(async (rig) => {
      const folder = unpacked(rig, await bundled(rig));
      const { claims } = jsonIn(folder, "data/CLAIMS.json");
      const correlations = JSON.parse((await rig.filesOf("diagnosis"))["correlations.json"] ?? "");
      const [point] = correlations.points;
      const [association] = point.associations;
      const claim = claims.find(
        ({ id }: { readonly id: string }) => id === "diagnosis/outcome.perception.pooled",
      );
      const { value, low, high } = association.pooled;
      assert.deepInclude(claim, {
        node: "diagnosis",
        value,
        low,
        high,
        n: 120,
        tolerance: 0,
        gpu: false,
      });
      assert.strictEqual(claim.command, "npx pipe run experiment.yaml --only diagnosis");
      const ids = claims.map(({ id }: { readonly id: string }) => id);
      assert.strictEqual(new Set(ids).size, ids.length);
      const readings = ["pooled", "group_centred", "prompt_means"];
      for (const { reward, target } of point.associations)
        for (const reading of readings)
          assert.include(ids, `diagnosis/${reward}.${target}.${reading}`);
      assert.include(ids, "diagnosis/outcome.contrast.counterfactual");
      const readme = fs.readFileSync(path.join(folder, "data/README.md"), "utf8");
      assert.match(
        readme,
        /^# study\n\nA study for a test\n\n<!-- pipe:claims 1 -->\n\| diagnosis \| perception \| reasoning \|/u,
      );
      const { nodes, experiment } = jsonIn(folder, "data/run.json");
      assert.strictEqual(experiment, "study");
      assert.strictEqual(nodes.length, 6);
      assert.strictEqual(fs.readFileSync(path.join(folder, "data/experiment.yaml"), "utf8"), spec);
      for (const { artifact, files } of nodes)
        for (const { path: name, sha256: digest } of files)
          assert.strictEqual(
            sha256(fs.readFileSync(path.join(folder, "data/artifacts", artifact, name))),
            digest,
          );
    }),
  );

  it(
    "leaves files out with pointers, and lists the stages' sizes when the archive exceeds the cap",
    inStudy(async (rig) => {
      const all = fs.statSync(rig.path((await bundled(rig)).file)).size;
      const refused = await rig.pipe("bundle", ...terms, "--cap", "1 KB");
      assert.strictEqual(refused.code, 2);
      assert.match(
        refused.stderr,
        /more than the cap of 1\.0 kB; before packing:\n +\d.* sampled \(1 files\)/u,
      );
      assert.include(refused.stderr, "--without sampled");
      const without = await bundled(rig, "--without", "cot");
      assert.isBelow(fs.statSync(rig.path(without.file)).size, all);
      assert.isTrue(without.leftOut.every(({ why }) => why === "size"));
      const folder = unpacked(rig, without);
      const pointers = jsonIn(folder, "data/pointers.json");
      assert.strictEqual(pointers.length, without.leftOut.length);
      assert.strictEqual(pointers[0].rebuild, "npx pipe run experiment.yaml --only cot");
      assert.isFalse(fs.existsSync(path.join(folder, "data/artifacts", pointers[0].artifact)));
      assert.include(
        fs.readFileSync(path.join(folder, "data/README.md"), "utf8"),
        "| cot | too large",
      );
      assert.isEmpty(fs.readdirSync(rig.directory).filter((name) => name.endsWith(".partial")));
    }),
  );

  it(
    "refuses a run without the files that numbers need; with --allow-missing the README names the numbers",
    inStudy(async (rig) => {
      const { artifact } = jsonLines((await rig.pipe("show", "--json", "sampled")).stdout)[0] as {
        readonly artifact: { readonly digest: string };
      };
      const tree = rig.path(".pipe/trees", artifact.digest);
      fs.chmodSync(tree, 0o755);
      fs.rmSync(path.join(tree, "rollouts.jsonl"));
      const refused = await rig.pipe("bundle", ...terms);
      assert.strictEqual(refused.code, 2);
      assert.include(refused.stderr, "sampled: rollouts.jsonl");
      assert.include(refused.stderr, "--allow-missing");
      const made = await bundled(rig, "--allow-missing");
      assert.deepInclude(made.leftOut[0], { path: "rollouts.jsonl", why: "missing" });
      const readme = fs.readFileSync(path.join(unpacked(rig, made), "data/README.md"), "utf8");
      assert.include(readme, "## Not everything can be recomputed");
      assert.match(readme, /pipe:not-recomputable -->\n- files: 1\n- `diagnosis`\n/u);
    }),
  );

  it(
    "bundles a failed run: its results, and every attempt with its status",
    inRig(async (rig) => {
      rig.write(
        "study.yaml",
        spec.replace(
          puppet("noted[seed=${seed}]"),
          puppet("noted[seed=${seed}]", { does: "exit ${seed}" }),
        ),
      );
      rig.write("rollouts/rollouts.jsonl", jsonl(rollouts));
      assert.strictEqual((await rig.pipe("run", "study.yaml", "--keep-going")).code, 1);
      const folder = unpacked(rig, await bundled(rig));
      const readme = fs.readFileSync(path.join(folder, "data/README.md"), "utf8");
      assert.include(readme, "## The run is incomplete");
      assert.include(readme, "- `noted[seed=1]`: failed");
      const attempts = jsonLines(
        fs.readFileSync(path.join(folder, "record/attempts.jsonl"), "utf8"),
      );
      const failed = attempts.filter(({ status }) => status === "failed").map(({ node }) => node);
      assert.deepStrictEqual(failed.toSorted(), ["noted[seed=1]", "noted[seed=2]"]);
      const { nodes } = jsonIn(folder, "data/run.json");
      assert.notInclude(
        nodes.map(({ node }: { readonly node: string }) => node),
        "noted[seed=1]",
      );
      const verified = await rig.pipe("verify", folder);
      assert.strictEqual(verified.code, 0, verified.stdout + verified.stderr);
      assert.match(verified.stdout, /note: 2 of the experiment's \d+ nodes had no result/u);
    }),
  );

  it(
    "refuses findings of the scan until they are allowed, and records the reasons",
    inRig(async (rig) => {
      const token = ["ghp", "0123456789abcdefghijABCDEFGHIJ456789"].join("_");
      rig.write("study.yaml", spec.replace("A study for a test", `for ${token}`));
      rig.write("rollouts/rollouts.jsonl", jsonl(rollouts));
      await rig.made("study.yaml");
      const refused = await rig.pipe("bundle", ...terms);
      assert.strictEqual(refused.code, 2);
      assert.include(refused.stderr, "data/experiment.yaml, 3:");
      assert.notInclude(refused.stderr, token);
      assert.isEmpty(fs.readdirSync(rig.directory).filter((name) => name.includes(".tar.gz")));
      const ids = [...refused.stderr.matchAll(/--allow '([^=]+)=REASON'/gu)].map(([, id]) => id);
      assert.isNotEmpty(ids);
      const allow = ids.flatMap((id) => ["--allow", `${id}=made up for a test`]);
      const folder = unpacked(rig, await bundled(rig, ...allow));
      const recorded = jsonIn(folder, "data/ALLOWED.json");
      assert.deepStrictEqual(
        new Set(recorded.map(({ id }: { readonly id: string }) => id)),
        new Set(ids),
      );
      assert.strictEqual(recorded[0].reason, "made up for a test");
      const verified = await rig.pipe("verify", folder);
      assert.strictEqual(verified.code, 0, verified.stdout + verified.stderr);
      const idle = await rig.pipe("bundle", ...terms, ...allow, "--allow", "0123456789ab=why");
      assert.strictEqual(idle.code, 2);
      assert.include(idle.stderr, "0123456789ab");
    }),
  );

  it(
    "with --anonymous names no author, no commit and no day",
    inRig(async (rig) => {
      const author = ["jo.author", "lab.example.org"].join("@");
      rig.write("study.yaml", `# written by ${author}\n${spec}`);
      rig.write("rollouts/rollouts.jsonl", jsonl(rollouts));
      await rig.made("study.yaml");
      const named = await rig.pipe("bundle", ...terms);
      assert.strictEqual(named.code, 2);
      assert.include(named.stderr, "data/experiment.yaml, 1:");
      const folder = unpacked(rig, await bundled(rig, "--anonymous"));
      const text = fs.readFileSync(path.join(folder, "data/experiment.yaml"), "utf8");
      assert.notInclude(text, "jo.author");
      assert.strictEqual(text.slice(text.indexOf("\n") + 1), spec);
      assert.notProperty(jsonIn(folder, "data/run.json").pipe, "commit");
      const crate = fs.readFileSync(path.join(folder, "data/ro-crate-metadata.json"), "utf8");
      assert.include(crate, '"datePublished": "1970-01-01"');
      assert.notInclude(crate, "git:");
    }),
  );
});

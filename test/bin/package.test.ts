/** The package that `npm pack` makes: installed elsewhere it needs no checkout, gives the same keys, and bundles the same sources. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readProduct } from "../../bundle/write/product.ts";
import { root } from "../rig/build.ts";
import { jsonLines, Rig } from "../rig/Rig.ts";

const experiment = `name: study
stages:
  data: { use: render, with: { task: { kind: graph-coloring, vertices: [3, 4] }, splits: { test: 3, train_sft: 3 } } }
  cot: { use: distill, from: { data: data } }
  model: { use: sft, from: { data: cot }, with: { steps: 2 } }
`;

/** npm and the bundle take 6 s of CPU, and a machine with other work gives little of it. */
const slow = 400_000;

const installed = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "pipe-installed-")));
afterAll(() => fs.rmSync(installed, { recursive: true, force: true }));

/** No file of the user and no program of this checkout: npm and Node are the system's. */
const bare = {
  HOME: path.join(installed, "home"),
  PATH: (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .join(path.delimiter),
};

/** Installs without the network: the pinned Node, which npm would fetch, is linked from this checkout. */
const install = (): string => {
  const npm = (...args: ReadonlyArray<string>) =>
    execFileSync("npm", [...args, "--silent"], {
      cwd: root,
      env: { ...process.env, ...bare },
      encoding: "utf8",
    });
  fs.mkdirSync(bare.HOME);
  const file = npm("pack", "--pack-destination", installed).trim().split("\n").at(-1)!;
  const archive = path.join(installed, file);
  npm("install", "--global", "--offline", "--omit=optional", "--prefix", installed, archive);
  const place = path.join(installed, "lib/node_modules/pipe");
  fs.mkdirSync(path.join(place, "node_modules/.bin"), { recursive: true });
  fs.symlinkSync(process.execPath, path.join(place, "node_modules/.bin/node"));
  return place;
};

describe("the package that npm packs", () => {
  let place: string;
  beforeAll(() => void (place = install()), slow);

  it("holds the trainers, their locks and no tests or caches", () => {
    const files = fs.readdirSync(place, { recursive: true, encoding: "utf8" });
    assert.includeMembers(files, ["trainers/requirements.lock", "dist/pipe.js"]);
    assert.deepStrictEqual(
      files.filter((file) => file === "test" || file.includes("__pycache__")),
      [],
    );
  });

  it(
    "runs in any directory, and gives the keys and the bundled sources of the checkout",
    async () => {
      const there = new Rig(place);
      const here = new Rig();
      const pipe = async (rig: Rig, ...args: ReadonlyArray<string>): Promise<string> => {
        const { code, stdout, stderr } = await rig.start(args, bare).ended;
        assert.strictEqual(code, 0, stderr);
        return stdout;
      };
      try {
        const recipes = [];
        for (const rig of [there, here]) {
          rig.write("experiment.yaml", experiment);
          const planned = await pipe(rig, "plan", "experiment.yaml", "--json");
          recipes.push(jsonLines(planned).map(({ node, recipe }) => ({ node, recipe })));
        }
        assert.deepStrictEqual(recipes[0], recipes[1]);
        assert.isAbove(recipes[0]!.length, 2);
        await pipe(there, "run", "experiment.yaml", "--only", "cot");
        await pipe(there, "bundle", "--to", "bundle.tar.gz");
        assert.deepStrictEqual(bundledSources(there), sourcesHere());
      } finally {
        await there.close();
        await here.close();
      }
    },
    slow,
  );
});

/** The lines of the bundle's manifest about pipe's own sources: hashes and paths. */
const bundledSources = (rig: Rig): ReadonlyArray<string> => {
  const args = ["xzOf", "bundle.tar.gz", "--wildcards", "*/manifest-sha512.txt"];
  const manifest = execFileSync("tar", args, { cwd: rig.directory, encoding: "utf8" });
  return manifest.split("\n").filter((line) => line.includes(" data/source/"));
};

const sourcesHere = (): ReadonlyArray<string> =>
  readProduct().entries.map(({ path: name, content }) => {
    const bytes = content instanceof Uint8Array ? content : fs.readFileSync(content.file);
    return `${createHash("sha512").update(bytes).digest("hex")}  ${name}`;
  });

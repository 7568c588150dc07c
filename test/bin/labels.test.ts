/** Labels that are hard for file systems, shells and terminals. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { digestBytes, shortDigest } from "../../schemas/Digest.ts";
import { inRig, jsonLines } from "../rig/Rig.ts";

const hostile = [
  "a/b",
  "a:b",
  "../../escape",
  "..",
  ".",
  "sp ace",
  'quo"te',
  "apo'strophe",
  "λ=0.3",
  "日本語",
  "e\u0301",
  "é",
  "$(touch pwned)",
  "`touch pwned`",
  "a,b=c",
  "a%2Cb=c",
  `sp_ace~${shortDigest(digestBytes("x=sp ace"))}`,
  "[x]",
  "new\nline",
  "\u001B[31mred",
  "-rf",
  "x".repeat(300),
  `${"x".repeat(300)}y`,
  "λ".repeat(300),
  "#no comment",
  "null",
  "~",
];

const experiment = (labels: ReadonlyArray<string>) => `name: hostile
axes:
  x:
${labels.map((label, index) => `    - { label: ${JSON.stringify(label)}, N: "${index}" }`).join("\n")}
stages:
  one: { use: command, with: { env: $x, run: "echo $N > {out}/value" } }
  named: { use: command, from: { one: one }, with: { run: [sh, -c, 'printf %s "$0" > "$1/label"', "\${x}", "{out}"] } }
  all: { use: command, from: { ones: { all: one } }, with: { run: "ls {in.ones} > {out}/folders; cp {in.ones}/index.json {out}; for each in {in.ones}/*/value; do cat \\"$each\\"; done | sort -n > {out}/values" } }
`;

it(
  "every label has its own node, folder and link",
  inRig(async (rig) => {
    rig.write("e.yaml", experiment(hostile));
    const { code, stderr } = await rig.pipe("run", "e.yaml");
    assert.strictEqual(code, 0, stderr);
    assert.notInclude(stderr, "\u001B", "a label is obeyed by the terminal");
    assert.isFalse(rig.has("pwned"), "a label is obeyed by the shell");

    const all = await rig.filesOf("all");
    assert.deepStrictEqual(
      all["values"]?.trim().split("\n"),
      hostile.map((_, index) => String(index)),
    );
    const index = JSON.parse(all["index.json"] ?? "") as ReadonlyArray<{
      readonly labels: Readonly<Record<string, string>>;
      readonly path: string;
    }>;
    assert.deepStrictEqual(
      index.map(({ labels }) => labels),
      hostile.map((x) => ({ x })),
    );
    const folders = index.map((element) => element.path);
    assert.strictEqual(new Set(folders).size, hostile.length);
    for (const folder of folders) {
      assert.notMatch(folder, /\//u);
      assert.isAtMost(Buffer.byteLength(folder), 255);
    }

    // Each link of the run leads to its own node's artifact.
    const links = fs.readdirSync(rig.path(".pipe/runs/hostile-1/artifacts"));
    assert.strictEqual(links.length, 2 * hostile.length + 1);
    const linked = (stage: string, file: string) =>
      links
        .filter((link) => link.startsWith(stage))
        .map((link) => rig.read(`.pipe/runs/hostile-1/artifacts/${link}/${file}`));
    assert.sameMembers(
      linked("one", "value"),
      hostile.map((_, number) => `${number}\n`),
    );
    // Every label reaches a program unchanged.
    assert.sameMembers(linked("named", "label"), hostile);
    for (const label of ["a/b", "../../escape"])
      assert.deepStrictEqual(await rig.filesOf(`named[x=${label}]`), { label });
  }),
);

it(
  "fan-in folders are named by their labels alone where that is possible",
  inRig(async (rig) => {
    rig.write(
      "e.yaml",
      `name: e
axes: { loss: [token, λ=0.3], seed: [0, 1] }
stages:
  one: { use: command, with: { run: "echo \${loss} \${seed} > {out}/value" } }
  pool: { use: command, from: { ones: { all: one, over: [seed] } }, with: { run: "cp -rL {in.ones} {out}" } }
`,
    );
    assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 0);
    const files = await rig.filesOf("pool[loss=λ=0.3]");
    const folders = ["loss=λ=0.3,seed=0", "loss=λ=0.3,seed=1"];
    assert.deepStrictEqual(Object.keys(files).toSorted(), [
      "ones/index.json",
      ...folders.map((folder) => `ones/${folder}/value`),
    ]);
    assert.strictEqual(files[`ones/${folders[1]}/value`], "λ=0.3 1\n");
    assert.deepStrictEqual(JSON.parse(files["ones/index.json"] ?? ""), [
      { labels: { loss: "λ=0.3", seed: "0" }, path: folders[0] },
      { labels: { loss: "λ=0.3", seed: "1" }, path: folders[1] },
    ]);
  }),
);

describe("names", () => {
  it(
    "of 200 characters work",
    inRig(async (rig) => {
      const long = "n".repeat(200);
      rig.write(
        "e.yaml",
        `name: ${long}\naxes: { ${long}: [1, 2] }\nstages:\n  ${long}: { use: command, with: { run: "echo \${${long}} > {out}/value" } }\n`,
      );
      const { code, stdout, stderr } = await rig.pipe("run", "e.yaml", "--json");
      assert.strictEqual(code, 0, stderr);
      assert.strictEqual(jsonLines(stdout).at(-1)?.["executed"], 2);
    }),
  );

  it(
    "with a meaning in JavaScript are only names",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: constructor
axes: { toString: [hasOwnProperty, valueOf] }
stages:
  constructor: { use: command, with: { env: { __proto__: x, constructor: y }, run: "echo \${toString} $constructor > {out}/value" } }
  hasOwnProperty: { use: command, from: { valueOf: { all: constructor } }, with: { run: "cat {in.valueOf}/*/value > {out}/value" } }
`,
      );
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 0, stderr);
      assert.deepStrictEqual(await rig.filesOf("hasOwnProperty"), {
        value: "hasOwnProperty y\nvalueOf y\n",
      });
    }),
  );
});

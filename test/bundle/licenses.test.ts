/** Licences of files: by stage, by inputs, and of the packages in the build. */
import { afterAll, assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { build } from "rolldown";
import type { RunNode } from "../../bundle/describe/runNodes.ts";
import { textBytes } from "../../bundle/format/content.ts";
import type { Entry } from "../../bundle/format/format.ts";
import { licenseEntries, licenseOf, verifierLicense } from "../../bundle/write/licenses.ts";
import { packageLicenses } from "../../scripts/packageLicenses.ts";
import { licenseTexts } from "../../bundle/describe/terms.ts";
import { root } from "../../schemas/root.ts";
import { digestBytes } from "../../schemas/Digest.ts";

const node = (
  stage: string,
  kind: RunNode["bundled"]["kind"],
  ...from: ReadonlyArray<RunNode>
): RunNode => ({ bundled: { stage, stageName: `my-${stage}`, kind }, from }) as never;

const stated = (terms: Readonly<Record<string, string>>) => new Map(Object.entries(terms));
const nothing = stated({});

describe("licences", () => {
  it("are CC0 for generated data and MIT for trained models", () => {
    const data = node("render", "dataset");
    const model = node("sft", "model", node("distill", "transcripts", data));
    assert.strictEqual(licenseOf(data, nothing), "CC0-1.0");
    assert.strictEqual(licenseOf(model, nothing), "MIT");
    assert.strictEqual(licenseOf(node("grpo", "model", model, data), nothing), "MIT");
  });

  it("of files from elsewhere must be stated", () => {
    for (const stage of ["files", "command"]) {
      assert.strictEqual(licenseOf(node(stage, "files"), nothing), "NOASSERTION");
      assert.strictEqual(
        licenseOf(node(stage, "files"), stated({ [`my-${stage}`]: "CC-BY-4.0" })),
        "CC-BY-4.0",
      );
    }
  });

  it("pass from a model to those trained from it", () => {
    const origin = node("pretrained", "model");
    const trained = node("grpo", "model", node("grpo", "model", origin));
    assert.strictEqual(licenseOf(trained, nothing), "NOASSERTION");
    assert.strictEqual(licenseOf(trained, stated({ "my-pretrained": "Apache-2.0" })), "Apache-2.0");
  });

  it("pass from a data set of the Hub to the transcripts of its rows, and not to a model", () => {
    const origin = node("hub-dataset", "dataset");
    const transcripts = node("distill", "transcripts", origin);
    assert.strictEqual(licenseOf(transcripts, nothing), "NOASSERTION");
    const terms = stated({ "my-hub-dataset": "CC-BY-4.0" });
    assert.strictEqual(licenseOf(transcripts, terms), "CC-BY-4.0");
    assert.strictEqual(licenseOf(node("sft", "model", transcripts), nothing), "MIT");
  });
});

const entry = (license: string): Entry => ({
  path: "data/one.txt",
  content: textBytes("one"),
  license,
});

const textsFor = (...licenses: ReadonlyArray<string>) =>
  Effect.runPromise(Effect.result(licenseEntries(licenses.map(entry))));

describe("licence texts", () => {
  it("are included for every licence in use, and no others", async () => {
    const { _tag, ...texts } = await textsFor("MIT", "Apache-2.0 AND ISC");
    assert.strictEqual(_tag, "Success");
    assert.deepStrictEqual(
      (texts as { readonly success: ReadonlyArray<Entry> }).success.map(({ path }) => path),
      ["Apache-2.0", "CC0-1.0", "ISC", "MIT", "verify.mjs"].map(
        (name) => `data/LICENSES/${name}.txt`,
      ),
    );
  });

  it("all have digests in the verifier", async () => {
    const { _tag, ...texts } = await textsFor(...licenseTexts.keys());
    assert.strictEqual(_tag, "Success");
    const written = (texts as { readonly success: ReadonlyArray<Entry> }).success
      .filter(({ path: name }) => !name.endsWith("/verify.mjs.txt"))
      .map(
        ({ path: name, content }) =>
          [path.basename(name, ".txt"), digestBytes(content as Uint8Array)] as const,
      );
    assert.deepStrictEqual(new Map(written), new Map(licenseTexts));
    const known = fs.readdirSync(path.join(root, "bundle/write/licenses"));
    assert.includeMembers(
      [...licenseTexts.keys()],
      known.map((name) => path.basename(name, ".txt")),
    );
  });

  for (const license of ["NOASSERTION", "", "Proprietary", "MIT AND Proprietary"])
    it(`are missing for \`${license}\`: no bundle is made`, async () => {
      const refused = await textsFor("MIT", license);
      assert.strictEqual(refused._tag, "Failure");
      assert.include(JSON.stringify(refused), "data/one.txt");
    });
});

describe("the build", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-licenses-"));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  const write = (name: string, content: string): void => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), content);
  };

  const install = (name: string, license: string | undefined, text: string | undefined): void => {
    const about = { name, version: "1.0.0", license, type: "module", sideEffects: false };
    write(`node_modules/${name}/package.json`, JSON.stringify(about));
    write(`node_modules/${name}/index.js`, `export const it = () => console.log("${name}");`);
    if (text !== undefined) write(`node_modules/${name}/${text}`, `terms of ${name}`);
  };

  install("used", "MIT", "LICENSE");
  install("@scope/used", "ISC", "license.md");
  install("unused", "MIT", "LICENSE");
  install("textless", "MIT", undefined);
  install("unlicensed", undefined, "LICENSE");

  const noted = async (...names: ReadonlyArray<string>): Promise<unknown> => {
    const imports = names.map((name, index) => `import { it as it${index} } from "${name}";`);
    const calls = names.map((name, index) => (name === "unused" ? "" : `it${index}();`));
    write("main.js", [...imports, ...calls].join("\n"));
    await build({
      input: path.join(folder, "main.js"),
      plugins: [packageLicenses("licenses.json")],
      output: { dir: path.join(folder, "dist") },
      logLevel: "silent",
    });
    return JSON.parse(fs.readFileSync(path.join(folder, "dist/licenses.json"), "utf8"));
  };

  it("records each package with code in the built file", async () => {
    const version = "1.0.0";
    assert.deepStrictEqual(await noted("used", "unused", "@scope/used"), [
      { name: "@scope/used", version, license: "ISC", text: "terms of @scope/used" },
      { name: "used", version, license: "MIT", text: "terms of used" },
    ]);
  });

  for (const name of ["textless", "unlicensed"])
    it(`ends at a package that is ${name}`, async () => {
      const failure = await noted("used", name).then(
        () => "none",
        (error: Error) => error.message,
      );
      assert.match(failure, new RegExp(`${name}.*licence`, "u"));
    });

  it("recorded the packages of verify.mjs, whose licences its own includes", () => {
    const file = path.join(root, "dist/verify.licenses.json");
    const packages = JSON.parse(fs.readFileSync(file, "utf8")) as ReadonlyArray<{
      readonly name: string;
      readonly license: string;
    }>;
    assert.includeMembers(
      packages.map(({ name }) => name),
      ["effect", "hyparquet", "yaml"],
    );
    const terms = verifierLicense().split(" AND ");
    for (const { license } of packages) assert.include(terms, license);
  });
});

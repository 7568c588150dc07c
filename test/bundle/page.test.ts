/** The page of a bundle: `pipe bundle` makes it, and `pipe verify` makes it again. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { textBytes } from "../../bundle/format/content.ts";
import { openBundle } from "../../bundle/format/open.ts";
import { pageFile } from "../../bundle/format/MakePage.ts";
import { inCopies, type Rig } from "../rig/Rig.ts";
import { edited } from "./alterations.ts";
import { type Files, packed, textIn } from "./archives.ts";
import { smallBundle, smallSpec } from "./smallBundle.ts";

/** Tests in copies of a project with a bundle of a run of the small study, `b.tar.gz`. */
const inStudy = inCopies(async (rig) => {
  rig.write("small.yaml", smallSpec);
  await runFrom(rig);
  await bundle(rig, "b.tar.gz");
});

/** Runs the small study without its models. */
const runFrom = async (rig: Rig): Promise<void> => {
  const archive = await packed((await smallBundle()).files, rig.directory);
  const { code, stderr } = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
  assert.strictEqual(code, 0, stderr);
};

const bundle = async (rig: Rig, to: string, ...args: ReadonlyArray<string>): Promise<void> => {
  const { code, stderr } = await rig.pipe("bundle", "--to", to, "--license", "start=MIT", ...args);
  assert.strictEqual(code, 0, stderr);
};

const filesIn = async (rig: Rig, archive: string): Promise<Files> => {
  const opened = await Effect.runPromise(
    openBundle(rig.path(archive), rig.path(`unpacked-${archive}`)),
  );
  const described = [...opened.files.keys()].filter((file) => file.includes("/"));
  return new Map(described.map((file) => [file, opened.read(file)]));
};

const crateFile = "data/ro-crate-metadata.json";

/** The crate with the files' sizes. */
const crateOf = (files: Files): string => {
  const crate = JSON.parse(textIn(files, crateFile)) as {
    readonly "@graph": ReadonlyArray<Readonly<Record<string, unknown>>>;
  };
  const graph = crate["@graph"].map((entity) => {
    const content = files.get(`data/${String(entity["@id"])}`);
    return content === undefined || entity["contentSize"] === undefined
      ? entity
      : { ...entity, contentSize: String(content.length) };
  });
  return `${JSON.stringify({ ...crate, "@graph": graph }, null, 2)}\n`;
};

/** Verifies the files with right sizes and hashes. */
const verified = async (rig: Rig, files: Files) => {
  const sized = new Map([...files, [crateFile, textBytes(crateOf(files))] as const]);
  return rig.pipe("verify", await packed(sized, rig.directory));
};

describe("the page of a bundle", () => {
  it(
    "is small, shows the run's numbers and answers, and is the same when it is verified",
    inStudy(async (rig) => {
      const page = textIn(await filesIn(rig, "b.tar.gz"), pageFile);
      assert.isBelow(page.length, 2_000_000);
      assert.match(page, /<!-- block: table table -->/u);
      assert.match(page, /<h3>test-\d+ /u);
      assert.include(page, "data:image/png;base64,");
      const { code, stdout } = await rig.pipe("verify", "b.tar.gz");
      assert.strictEqual(code, 0, stdout);
      assert.match(stdout, /ok {4}page +\d+ blocks\n/u);
    }),
  );

  it(
    "is found where one number of it differs, by the block, whatever hashes say",
    inStudy(async (rig) => {
      const files = await filesIn(rig, "b.tar.gz");
      const wrong = edited(files, pageFile, (text) =>
        text.replace(/(table table -->.*?<td class="number">\s*(?:<strong>)?0\.)\d/su, "$19"),
      );
      const { code, stdout } = await verified(rig, wrong);
      assert.strictEqual(code, 3);
      assert.match(stdout, /WRONG page/u);
      assert.match(stdout, /ro-crate-preview\.html {2}block table table: differs from what/u);
      assert.strictEqual(stdout.match(/WRONG/gu)?.length, 1);

      const added = edited(files, pageFile, (text) =>
        text.replace("</main>", "<p>a = 0.99</p></main>"),
      );
      assert.match((await verified(rig, added)).stdout, /block limits: differs/u);
    }),
  );

  it(
    "of another pipe is compared, and a difference is a note",
    inStudy(async (rig) => {
      const files = await filesIn(rig, "b.tar.gz");
      const other = edited(files, "data/source/report/page/style.css", (text) => `${text}\n`);
      const wrong = edited(other, pageFile, (text) => text.replace("<h2>Numbers", "<h2>Figures"));
      const { code, stdout } = await verified(rig, wrong);
      assert.strictEqual(code, 0, stdout);
      assert.match(
        stdout,
        /note: data\/ro-crate-preview\.html: 1 block of \d+ differs .*\(numbers\)/u,
      );
    }),
  );

  it(
    "names no person and no commit in an anonymous bundle",
    inStudy(async (rig) => {
      const address = ["jane", "lab.example"].join("@"); // the scan's tests read this file, too
      const named = smallSpec.replace("stages:", `# by Jane Roe <${address}>\nstages:`);
      rig.write("small.yaml", named);
      await runFrom(rig);
      await bundle(rig, "a.tar.gz", "--anonymous");
      const files = await filesIn(rig, "a.tar.gz");
      const page = textIn(files, pageFile);
      assert.include(page, "small");
      assert.notMatch(page, /Jane|lab\.example/u);
      const { code, stdout } = await rig.pipe("verify", "a.tar.gz");
      assert.strictEqual(code, 0, stdout);
      assert.match(stdout, /ok {4}page /u);
    }),
  );
});

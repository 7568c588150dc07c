/** Level 3: descriptions that differ from the rest of the bundle are found. */
import { assert, describe, it } from "@effect/vitest";
import { edited, folderOf, withJson, withRun } from "../alterations.ts";
import { packed, type Files } from "../archives.ts";
import { crated, described } from "../describing.ts";
import { inScratch } from "../scratch.ts";
import { smallBundle, type SmallBundle } from "../smallBundle.ts";
import { checksOf, isFound, problemsOf } from "../verifying.ts";

const crateFile = "data/ro-crate-metadata.json";
const entityIn = (crate: any, id: string) =>
  crate["@graph"].find((entity: any) => entity["@id"] === id);
const withEntity = (files: Files, id: string, edit: (entity: any) => void) =>
  withJson(files, crateFile, (crate) => edit(entityIn(crate, id)));
const withMore = (files: Files, name: string): Files =>
  new Map([...files, [name, Buffer.from("more\n")]]);
const fileNamed = (files: Files, name: RegExp): string => {
  const found = [...files.keys()].find((file) => name.test(file));
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

/** With pointers in place of the transcripts. */
const withPointers = ({ files, run }: SmallBundle, edit: (pointer: any) => void): Files => {
  const { node, artifact, files: tree } = run.nodes.find((each) => each.node === "cot")!;
  const pointers = tree.map(({ path: name, sha256, size }) => {
    const rebuild = `npx pipe run experiment.yaml --only ${node}`;
    const pointer = { artifact, path: name, sha256, size, why: "size", needed: false, rebuild };
    edit(pointer);
    return pointer;
  });
  const kept = [...files].filter(([name]) => !name.includes(artifact));
  const text = `${JSON.stringify(pointers, null, 2)}\n`;
  return described(new Map([...kept, ["data/pointers.json", Buffer.from(text)]]));
};

describe("level 3, descriptions", () => {
  for (const name of ["cards/more.md", "source/more.ts", "LICENSES/CC-BY-4.0.txt"])
    isFound(
      `level 2 finds a file that the crate does not describe: ${name}`,
      ({ files }) => withMore(files, `data/${name}`),
      {
        level: 2,
        what: "crate",
        file: `data/${name}`,
        expected: "described",
      },
    );
  isFound(
    "level 2 finds a page that pipe does not write",
    ({ files }) => crated(withMore(files, "data/more.html")),
    { level: 2, what: "files", file: "data/more.html" },
  );
  isFound(
    "level 2 finds a source file that the crate omits",
    ({ files }) =>
      withJson(files, crateFile, (crate) => {
        const isThis = (entity: any) => entity["@id"] === "source/stages/Any.ts";
        crate["@graph"] = crate["@graph"].filter((entity: any) => !isThis(entity));
        const folder = entityIn(crate, "source/");
        folder.hasPart = folder.hasPart.filter((part: any) => !isThis(part));
      }),
    { level: 2, what: "crate", file: "data/source/stages/Any.ts" },
  );
  for (const name of ["cards/more.md", "LICENSES/CC-BY-4.0.txt", "environment/more.lock"])
    isFound(
      `finds an extra file that the crate describes: ${name}`,
      ({ files }) => crated(withMore(files, `data/${name}`)),
      { level: 3, what: "descriptions", file: `data/${name}`, expected: "absent" },
    );
  isFound(
    "finds a changed accuracy in a model's card",
    ({ files }) => {
      const name = fileNamed(files, /cards\/model-/u);
      return crated(edited(files, name, (text) => text.replace(/value: [\d.]+/u, "value: 0.997")));
    },
    { level: 3, what: "descriptions", file: "data/cards/model-", number: "model-index[0]" },
  );
  isFound(
    "finds a changed file size in the crate",
    ({ files }) => withEntity(files, "run.json", (file) => (file.contentSize = "1")),
    { level: 3, what: "descriptions", file: crateFile, number: "run.json.contentSize", found: "1" },
  );
  isFound(
    "finds a changed digest in the crate",
    ({ files, run }) => {
      const table = `${folderOf(run, "table").slice("data/".length)}/table.json`;
      return withEntity(files, table, (file) => (file.sha256 = "0".repeat(64)));
    },
    { level: 3, what: "descriptions", number: "table.json.sha256", found: "0".repeat(64) },
  );
  for (const part of ["object", "result"] as const)
    isFound(
      `finds a changed ${part} of an action in the crate`,
      ({ files, run }) => {
        const other = { "@id": `${folderOf(run, "data").slice("data/".length)}/` };
        return withEntity(
          files,
          "#action/table",
          (action) => (action[part] = part === "object" ? [other] : other),
        );
      },
      { level: 3, what: "descriptions", number: `#action/table.${part}` },
    );
  isFound(
    "finds a date that is not a day",
    ({ files }) => withEntity(files, "./", (top) => (top.datePublished = "tomorrow")),
    { level: 3, what: "descriptions", number: "datePublished", found: "tomorrow" },
  );
  isFound(
    "finds different days in crate and croissant.json",
    ({ files }) => withEntity(files, "./", (top) => (top.datePublished = "2026-01-01")),
    { level: 3, what: "descriptions", file: "data/croissant.json", number: "datePublished" },
  );
  isFound(
    "finds a changed licence of a file of pipe",
    ({ files }) =>
      withEntity(files, "run.json", (file) => (file.license[0]["@id"] += "-or-others")),
    { level: 3, what: "descriptions", number: "run.json.license[0].@id" },
  );
  isFound(
    "finds a missing licence text",
    ({ files, run }) => {
      const model = folderOf(run, "start[model=weak]").slice("data/".length);
      const license = [{ "@id": "https://spdx.org/licenses/CC-BY-4.0" }];
      return withEntity(files, `${model}/config.json`, (file) => (file.license = license));
    },
    { level: 3, what: "descriptions", file: "data/LICENSES/CC-BY-4.0.txt", found: "absent" },
  );
  isFound(
    "finds a changed digest in croissant.json",
    ({ files }) =>
      crated(
        withJson(
          files,
          "data/croissant.json",
          (data) => (data.distribution[0].sha256 = "0".repeat(64)),
        ),
      ),
    {
      level: 3,
      what: "descriptions",
      file: "croissant.json",
      number: "sha256",
      found: "0".repeat(64),
    },
  );
  isFound(
    "finds a changed word of a licence",
    ({ files }) =>
      crated(edited(files, "data/LICENSES/MIT.txt", (text) => text.replace("WITHOUT", "WITH"))),
    { level: 3, what: "descriptions", file: "data/LICENSES/MIT.txt" },
  );
  isFound(
    "finds a changed licence of a package in verify.mjs",
    ({ files }) =>
      crated(
        edited(files, "data/LICENSES/verify.mjs.txt", (text) => text.replace("(MIT)", "(Mine)")),
      ),
    { level: 3, what: "descriptions", number: "verify.mjs.license" },
  );
  isFound(
    "finds a description that the experiment does not have",
    ({ files }) => described(withRun(files, (run) => (run.description = "0.997 is reached"))),
    { level: 3, what: "descriptions", number: "description", expected: "absent" },
  );
  isFound(
    "finds another version than the sources'",
    ({ files }) => described(withRun(files, (run) => (run.pipe.version = "9.9.9"))),
    { level: 3, what: "descriptions", number: "pipe.version", expected: "0.1.0", found: "9.9.9" },
  );
  isFound(
    "finds other locked packages than the sources'",
    ({ files }) =>
      crated(edited(files, "data/environment/requirements.lock", (text) => `${text}more==1\n`)),
    { level: 3, what: "descriptions", file: "data/environment/requirements.lock" },
  );
  isFound(
    "finds a changed command of a pointer",
    (small) => withPointers(small, (pointer) => (pointer.rebuild = "rm -rf /")),
    {
      level: 3,
      what: "descriptions",
      file: "data/pointers.json",
      expected: "npx pipe run experiment.yaml --only cot",
      found: "rm -rf /",
    },
  );
  isFound(
    "finds a false reason of a pointer",
    (small) => withPointers(small, (pointer) => (pointer.why = "weights")),
    { level: 3, what: "descriptions", file: "data/pointers.json", found: "weights" },
  );
  it(
    "accepts pointers in place of files",
    inScratch(async (folder) => {
      const archive = await packed(
        withPointers(await smallBundle(), () => undefined),
        folder,
      );
      assert.deepStrictEqual(problemsOf(await checksOf(archive, folder)), []);
    }),
  );
});

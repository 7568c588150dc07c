/** Level 1: one changed, renamed, missing or added file is found. */
import { assert, describe, it } from "@effect/vitest";
import { type BundleRun } from "../../../bundle/format/format.ts";
import { edited } from "../alterations.ts";
import { archiveOf, bagOf, type Files } from "../archives.ts";
import { inScratch } from "../scratch.ts";
import { smallBundle } from "../smallBundle.ts";
import { checksOf, problemsOf } from "../verifying.ts";

describe("level 1", () => {
  const unfit = (what: string, alter: (files: Files, run: BundleRun) => Files, file: string) =>
    it(
      what,
      inScratch(async (folder) => {
        const { files, run } = await smallBundle();
        const bag = await bagOf(files);
        const archive = await archiveOf(bag.top, alter(bag.files, run), folder);
        const checks = await checksOf(archive, folder);
        assert.deepStrictEqual([...new Set(checks.map(({ level }) => level))], [1]);
        assert.include(
          problemsOf(checks).map((problem) => problem.file),
          file,
        );
      }),
    );
  const flipped = (files: Files, name: string): Files => {
    const bytes = Buffer.from(files.get(name)!);
    bytes[bytes.length >> 1]! ^= 1;
    return new Map([...files, [name, bytes]]);
  };
  const renamed = (files: Files, name: string, other: string): Files =>
    new Map([...files].map(([file, bytes]) => [file === name ? other : file, bytes]));
  unfit(
    "finds a changed byte of the payload",
    (files) => flipped(files, "data/CLAIMS.json"),
    "data/CLAIMS.json",
  );
  unfit(
    "finds a changed byte of a tag file",
    (files) => flipped(files, "record/attempts.jsonl"),
    "record/attempts.jsonl",
  );
  unfit(
    "finds a changed byte of a manifest",
    (files) => flipped(files, "manifest-sha512.txt"),
    "manifest-sha512.txt",
  );
  unfit(
    "finds a renamed file",
    (files) => renamed(files, "data/README.md", "data/readme.txt"),
    "data/README.md",
  );
  unfit(
    "finds an added file",
    (files) => new Map([...files, ["data/more", Buffer.from("x")]]),
    "data/more",
  );
  unfit(
    "finds an added tag file",
    (files) => new Map([...files, ["more.txt", Buffer.from("x")]]),
    "more.txt",
  );
  unfit(
    "finds a missing file",
    (files) => new Map([...files].filter(([name]) => name !== "data/README.md")),
    "data/README.md",
  );
  unfit(
    "finds another version of BagIt",
    (files) => edited(files, "bagit.txt", (text) => text.replace("1.0", "0.97")),
    "bagit.txt",
  );

  it(
    "finds a top folder without the bundle's identity in its name",
    inScratch(async (folder) => {
      const bag = await bagOf((await smallBundle()).files);
      const checks = await checksOf(
        await archiveOf("small-0123456789ab", bag.files, folder),
        folder,
      );
      assert.include(JSON.stringify(problemsOf(checks)), bag.top.slice(-12));
    }),
  );
});

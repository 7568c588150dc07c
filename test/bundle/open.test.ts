/** Bundles that want to do harm: each is refused, and nothing of it is written anywhere that stays. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { openBundle } from "../../bundle/format/open.ts";
import { limits } from "../../bundle/format/format.ts";
import { pax, type RawEntry, rawEntry, rawTar } from "./rawTar.ts";
import { inScratch } from "./scratch.ts";

const bag: ReadonlyArray<RawEntry> = [
  { name: "b/bagit.txt", content: "BagIt-Version: 1.0\n" },
  { name: "b/data/a.txt", content: "a" },
];

const opening = (bundle: string, folder: string) =>
  Effect.runPromise(Effect.result(openBundle(bundle, path.join(folder, "target"))));

const openBytes = (bytes: Uint8Array, folder: string) => {
  fs.writeFileSync(path.join(folder, "bundle"), bytes);
  return opening(path.join(folder, "bundle"), folder);
};

const refused = (what: string, bytes: () => Uint8Array, why: RegExp) =>
  it(
    what,
    inScratch(async (folder) => {
      const result = await openBytes(bytes(), folder);
      assert.isTrue(Result.isFailure(result), "it was opened");
      if (Result.isFailure(result)) {
        assert.strictEqual(result.failure._tag, "BadBundle");
        assert.match(result.failure.message, why);
      }
      assert.deepStrictEqual(fs.readdirSync(folder), ["bundle"], "something stays behind");
    }),
  );

describe("a well-formed bundle", () => {
  it(
    "opens, gzipped or not, with or without entries for folders",
    inScratch(async (folder) => {
      const tar = rawTar([{ name: "b/", type: "5" }, ...bag, { name: "b/data/", type: "5" }]);
      for (const bytes of [tar, zlib.gzipSync(tar), rawTar(bag, 20)]) {
        const result = await openBytes(bytes, folder);
        const bundle = Result.getOrThrow(result);
        assert.strictEqual(bundle.top, "b");
        assert.deepStrictEqual([...bundle.files.keys()], ["bagit.txt", "data/a.txt"]);
        assert.strictEqual(bundle.read("data/a.txt").toString(), "a");
        assert.strictEqual(fs.readFileSync(path.join(folder, "target/b/data/a.txt"), "utf8"), "a");
        fs.rmSync(path.join(folder, "target"), { recursive: true });
      }
    }),
  );

  it(
    "may have non-ASCII names and names too long for a header",
    inScratch(async (folder) => {
      const name = `b/data/${"ü".repeat(60)}/${"x".repeat(90)}`;
      const result = await openBytes(
        rawTar([...bag, pax({ path: name }), { name: "b/short", content: "long" }]),
        folder,
      );
      assert.strictEqual(Result.getOrThrow(result).read(name.slice(2)).toString(), "long");
    }),
  );

  it(
    "is not unpacked over existing files",
    inScratch(async (folder) => {
      fs.mkdirSync(path.join(folder, "target"));
      fs.writeFileSync(path.join(folder, "target/mine"), "mine");
      const result = await openBytes(rawTar(bag), folder);
      assert.isTrue(Result.isFailure(result));
      assert.deepStrictEqual(fs.readdirSync(path.join(folder, "target")), ["mine"]);
    }),
  );
});

const withEntry =
  (...entries: ReadonlyArray<RawEntry>) =>
  () =>
    rawTar([...bag, ...entries]);

describe("a name", () => {
  refused("that is absolute", withEntry({ name: "/etc/passwd" }), /is absolute/u);
  refused("that leads outside", withEntry({ name: "b/../../evil" }), /leads outside/u);
  refused(
    "that leads outside, in a pax header",
    withEntry(pax({ path: "b/../../evil" }), { name: "b/x" }),
    /leads outside/u,
  );
  refused("with a backslash", withEntry({ name: "b\\..\\..\\evil" }), /some systems forbid/u);
  refused("with a drive", withEntry({ name: "C:/evil" }), /some systems forbid/u);
  refused("with a line break", withEntry({ name: "b/x\ny" }), /some systems forbid/u);
  refused("with an empty segment", withEntry({ name: "b//x" }), /empty segment/u);
  refused("that is one dot", withEntry({ name: "b/./x" }), /empty segment/u);
  refused(
    "that is not UTF-8",
    () => {
      const tar = rawTar([...bag]);
      tar.write("b/\xE9\xE8", 0, "latin1");
      return Buffer.concat([sealedFirst(tar)]);
    },
    /not UTF-8/u,
  );
  for (const device of ["CON", "nul.txt", "b/aux", "COM1", "lpt9.tar.gz", "CONIN$"])
    refused(
      `of a device, ${device}`,
      withEntry({ name: `b/${device}` }),
      /device name of Windows/u,
    );
  for (const name of ["x.", "x ", "a. /b"])
    refused(
      `that Windows cuts short, ${JSON.stringify(name)}`,
      withEntry({ name: `b/${name}` }),
      /dot or a blank/u,
    );
  refused(
    "that is too long",
    withEntry(pax({ path: `b/${"x/".repeat(600)}x` }), { name: "b/x" }),
    /too long/u,
  );
  refused(
    "with a segment that is too long",
    withEntry(pax({ path: `b/${"x".repeat(256)}` }), { name: "b/x" }),
    /too long/u,
  );
  refused("outside the top folder", withEntry({ name: "c/x" }), /outside the top folder/u);
  refused("at the top", withEntry({ name: "x" }), /outside the top folder/u);
});

const sealedFirst = (tar: Buffer): Buffer => {
  const header = tar.subarray(0, 512);
  header.write("        ", 148, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return tar;
};

describe("two names", () => {
  refused("that are equal", withEntry({ name: "b/data/a.txt" }), /twice/u);
  refused("that differ in case", withEntry({ name: "b/data/A.txt" }), /same file on some systems/u);
  refused(
    "whose folders differ in case",
    withEntry({ name: "b/DATA/b.txt" }),
    /same file on some systems/u,
  );
  refused(
    "that are equal in Unicode's normal form",
    withEntry({ name: "b/\u00E9" }, { name: "b/e\u0301" }),
    /same file on some systems/u,
  );
  refused(
    "that differ by a ligature",
    withEntry({ name: "b/fi" }, { name: "b/\uFB01" }),
    /same file on some systems/u,
  );
  refused("of a file and a folder", withEntry({ name: "b/data/a.txt/c" }), /twice/u);
  refused("of a folder and a file", withEntry({ name: "b/data" }), /twice/u);
});

describe("a special file", () => {
  for (const [type, what] of Object.entries({
    1: "a hard link",
    2: "a link",
    3: "a device",
    4: "a block device",
    6: "a pipe",
    7: "an odd file",
    L: "GNU's long name",
    S: "a sparse file",
    g: "a global header",
  }))
    refused(
      what,
      withEntry({ name: "b/x", type, link: "/etc/passwd" }),
      /neither a file nor a folder/u,
    );
  refused(
    "a folder with bytes",
    withEntry({ name: "b/x", type: "5", content: "x" }),
    /has a size/u,
  );
  refused(
    "a file through a link",
    withEntry({ name: "b/l", type: "2", link: "/tmp" }, { name: "b/l/x" }),
    /neither a file/u,
  );
});

const whole = () => zlib.gzipSync(rawTar(bag));

describe("an archive", () => {
  refused("cut short", () => rawTar(bag).subarray(0, 900), /cut short/u);
  refused("cut short in its gzip stream", () => whole().subarray(0, 100), /damaged/u);
  refused("without end blocks", () => rawTar(bag, 0), /cut short/u);
  refused("with one end block", () => rawTar(bag, 1), /cut short/u);
  refused(
    "that continues after its end",
    () => Buffer.concat([rawTar(bag), rawEntry({ name: "b/x" })]),
    /after its end/u,
  );
  refused(
    "with extra bytes after it",
    () => Buffer.concat([whole(), Buffer.from("more")]),
    /follow the archive|damaged/u,
  );
  refused(
    "with another archive after it",
    () => Buffer.concat([whole(), whole()]),
    /after its end/u,
  );
  refused("of the old format", withEntry({ name: "b/x", magic: "ustar  \0" }), /not a POSIX tar/u);
  refused("that is not a tar", () => Buffer.from("hello"), /cut short/u);
  refused("that is empty", () => Buffer.alloc(0), /cut short/u);
  refused("without entries", () => rawTar([]), /empty/u);
  refused("without bagit.txt", () => rawTar([{ name: "b/x" }]), /not a bundle/u);
  refused(
    "whose header is damaged",
    () => {
      const tar = rawTar(bag);
      tar[3]! ^= 1;
      return tar;
    },
    /damaged/u,
  );
  refused(
    "with a pax record of another kind",
    withEntry(pax({ linkpath: "/etc" }), { name: "b/x" }),
    /keyword "linkpath"/u,
  );
  refused(
    "with a pax record shorter than its content",
    withEntry({ name: "p", type: "x", content: "5 path=b/y\n" }, { name: "b/x" }),
    /can't be read/u,
  );
  refused("with a pax header and no file", withEntry(pax({ path: "b/y" })), /ends after/u);
});

describe("a bomb", () => {
  refused(
    "with an honest size",
    withEntry({ name: "b/x", size: limits.unpackedBytes }),
    /unpacks to more/u,
  );
  refused(
    "with its size in a pax header",
    withEntry(pax({ size: "999999999999999" }), { name: "b/x" }),
    /unpacks to more/u,
  );
  refused(
    "with an extreme compression ratio",
    () => zlib.gzipSync(rawTar([...bag, { name: "b/x", content: Buffer.alloc(40_000_000) }])),
    /times its size/u,
  );
});

describe("a folder", () => {
  it(
    "is read in place, and may hold no links",
    inScratch(async (folder) => {
      const bundle = path.join(folder, "b");
      fs.mkdirSync(bundle);
      fs.writeFileSync(path.join(bundle, "bagit.txt"), "x");
      assert.isTrue(Result.isSuccess(await opening(bundle, folder)));
      fs.symlinkSync("/etc/passwd", path.join(bundle, "link"));
      const result = await opening(bundle, folder);
      assert.match(Result.isFailure(result) ? result.failure.message : "", /neither a file nor/u);
      fs.rmSync(path.join(bundle, "link"));
      fs.symlinkSync("/etc", path.join(bundle, "link"));
      assert.isTrue(Result.isFailure(await opening(bundle, folder)));
    }),
  );
});

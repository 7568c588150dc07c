/**
 * Bundles altered by seeded random numbers: each is refused, fails verifying, or has its old identity. Nothing crashes, and nothing is
 * written outside the target.
 */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import type { BundleRun } from "../../bundle/format/format.ts";
import { jsonBytes } from "../../bundle/format/content.ts";
import { openBundle } from "../../bundle/format/open.ts";
import { identityOf } from "../../bundle/verify/bytes.ts";
import { verifyUpTo } from "../../bundle/verify/verify.ts";
import { Random } from "../../stats/Random.ts";
import { sealed } from "./rawTar.ts";
import { bagOf, archiveOf, type Files, packed, textIn } from "./archives.ts";
import { smallBundle } from "./smallBundle.ts";
import { numberRuns } from "../../stages/numberRuns.ts";
import { isLong } from "../rig/isLong.ts";
import { inScratch } from "./scratch.ts";

const block = 512;

/** The outcome of opening and verifying: `refused`, `wrong`, or the identity of a verified bundle. */
const outcomeOf = async (archive: string, folder: string, level: 1 | 3) => {
  const target = path.join(folder, "target");
  const beside = fs.readdirSync(folder).filter((name) => name !== "target");
  const opened = await Effect.runPromise(Effect.result(openBundle(archive, target)));
  assert.deepStrictEqual(
    fs.readdirSync(folder).filter((name) => name !== "target"),
    beside,
  );
  if (Result.isFailure(opened)) {
    assert.strictEqual(opened.failure._tag, "BadBundle");
    assert.isFalse(fs.existsSync(target), "half a bundle is left behind");
    return "refused";
  }
  const bundle = opened.success;
  assert.deepStrictEqual(fs.readdirSync(target), [bundle.top]);
  const problem = await verifyUpTo(bundle, level);
  const identity = problem === undefined ? identityOf(bundle) : undefined;
  fs.rmSync(target, { recursive: true });
  return identity ?? "wrong";
};

/** The share of the cases to run. */
const share = isLong ? 1 : 0.4;

/** Each case alters the bundle by random numbers seeded with its number. */
const fuzz = (
  what: string,
  allCases: number,
  level: 1 | 3,
  alter: (
    random: Random,
    original: string,
    folder: string,
  ) => Promise<string | undefined> | string | undefined,
) =>
  it(
    what,
    inScratch(async (folder) => {
      const { files } = await smallBundle();
      const bag = await bagOf(files);
      const original = await archiveOf(bag.top, bag.files, folder);
      const identity = await outcomeOf(original, folder, level);
      assert.match(identity, /^[\da-f]{64}$/u);
      const tally: Record<string, number> = {};
      const cases = Math.ceil(share * allCases);
      for (let number = 0; number < cases; number += 1) {
        const altered = await alter(Random.of(what, number), original, folder);
        if (altered === undefined) continue;
        const outcome = await outcomeOf(altered, folder, level);
        const isSame = outcome === identity;
        assert.isTrue(
          isSame || outcome === "refused" || outcome === "wrong",
          `${what} ${number}: verified as ${outcome}`,
        );
        tally[isSame ? "same" : outcome] = (tally[isSame ? "same" : outcome] ?? 0) + 1;
        if (altered !== original) fs.rmSync(altered);
      }
      // A fuzzer whose cases are rarely caught tests nothing.
      assert.isAbove(
        (tally["refused"] ?? 0) + (tally["wrong"] ?? 0),
        cases / 4,
        JSON.stringify(tally),
      );
    }),
  );

const written = (bytes: Uint8Array, folder: string): string => {
  const file = path.join(folder, "altered");
  fs.writeFileSync(file, bytes);
  return file;
};

const unpackedTar = (archive: string): Buffer => zlib.gunzipSync(fs.readFileSync(archive));

const pick = <A>(random: Random, items: ReadonlyArray<A>): A =>
  items[random.bits() % items.length]!;

/** Offsets of the headers. */
const headersOf = (tar: Buffer): ReadonlyArray<number> => {
  const places: Array<number> = [];
  for (let at = 0; tar[at] !== 0 && at < tar.length;) {
    places.push(at);
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 135), 8);
    at += block + Math.ceil(size / block) * block;
  }
  return places;
};

const nasty = [
  "..",
  "/",
  "\0",
  "CON",
  "../../x",
  "a/../../b",
  "\u202E",
  "é",
  "A",
  "b",
  "9",
  "7777777777",
  " ",
  ".",
];

describe("a bundle altered at random", () => {
  fuzz("in bytes of the packed archive", 40, 1, (random, original, folder) => {
    const bytes = fs.readFileSync(original);
    for (let flips = 1 + (random.bits() % 3); flips > 0; flips -= 1)
      bytes[random.bits() % bytes.length]! ^= 1 << (random.bits() % 8);
    return written(
      random.bits() % 4 === 0 ? bytes.subarray(0, random.bits() % bytes.length) : bytes,
      folder,
    );
  });

  fuzz("in bytes of the tar", 40, 1, (random, original, folder) => {
    const tar = unpackedTar(original);
    for (let flips = 1 + (random.bits() % 3); flips > 0; flips -= 1)
      tar[random.bits() % tar.length]! ^= 1 << (random.bits() % 8);
    return written(tar, folder);
  });

  fuzz("in headers, with checksums that fit", 100, 1, (random, original, folder) => {
    const tar = unpackedTar(original);
    const at = pick(random, headersOf(tar));
    const header = tar.subarray(at, at + block);
    const field = pick(random, [
      [0, 100],
      [100, 8],
      [124, 12],
      [156, 1],
      [157, 100],
      [257, 8],
      [345, 155],
    ] as const);
    const place = field[0] + (random.bits() % field[1]);
    if (random.bits() % 2 === 0) header[place] = random.bits() % 256;
    else header.write(pick(random, nasty), place, Math.max(1, field[0] + field[1] - place), "utf8");
    sealed(header);
    return written(tar, folder);
  });

  fuzz("in the order and number of its blocks", 40, 1, (random, original, folder) => {
    const tar = unpackedTar(original);
    const blocks = Array.from({ length: tar.length / block }, (_, index) =>
      tar.subarray(index * block, (index + 1) * block),
    );
    const [one, other] = [random.bits() % blocks.length, random.bits() % blocks.length];
    const kind = random.bits() % 3;
    if (kind === 0) blocks.splice(one, 1);
    else if (kind === 1) blocks.splice(one, 0, blocks[other]!);
    else [blocks[one], blocks[other]] = [blocks[other]!, blocks[one]!];
    return written(Buffer.concat(blocks), folder);
  });

  fuzz("in values of its JSON, with manifests that fit", 60, 3, async (random, _, folder) => {
    const { files } = await smallBundle();
    const altered = alteredValue(random, files);
    return altered === undefined ? undefined : await packed(altered, folder);
  });

  fuzz("in bytes of its files, with manifests that fit", 30, 3, async (random, _, folder) => {
    const { files } = await smallBundle();
    const name = pick(
      random,
      [...files.keys()].filter(
        (each) => each.startsWith("data/artifacts/") || each === "data/run.json",
      ),
    );
    const bytes = Buffer.from(files.get(name)!);
    bytes[random.bits() % bytes.length]! ^= 1 << (random.bits() % 8);
    const isRun = name === "data/run.json";
    if (isRun && differsUnchecked(textIn(files, name), bytes.toString("utf8"))) return undefined;
    return packed(new Map([...files, [name, bytes]]), folder);
  });
});

const proseKeys = /(?:^|\.)(?:description|error|text|prov:wasDerivedFrom|rai:[^.]*)(?:\.|$)/u;

/**
 * Values that no check covers: sentences of descriptions and claims; of a stage that ran a program, the summary and the step it resumed
 * from; and of `cot`, on which no claim depends, the time that it took.
 */
const isUnchecked = (file: string, place: Place, { nodes }: BundleRun): boolean => {
  const path = place.join(".");
  if (file !== "data/run.json") return file !== "data/pointers.json" && proseKeys.test(path);
  const [, index, field] = /^nodes\.(\d+)\.(summary|resumedFrom|seconds)/u.exec(path) ?? [];
  const node = nodes[Number(index)];
  if (node === undefined || field === undefined) return false;
  if (field === "summary") return !numberRuns.has(node.stage);
  return field === "resumedFrom" || node.node === "cot";
};

/** True if two texts of `run.json` differ in unchecked values only. */
const differsUnchecked = (before: string, after: string): boolean => {
  try {
    const [one, other] = [before, after].map((text) => JSON.parse(text) as unknown);
    return placesIn(one)
      .filter(
        (place) => JSON.stringify(valueAt(one, place)) !== JSON.stringify(valueAt(other, place)),
      )
      .every((place) => isUnchecked("data/run.json", place, one as BundleRun));
  } catch {
    return false;
  }
};

type Place = ReadonlyArray<string>;

const placesIn = (value: unknown, place: Place = []): ReadonlyArray<Place> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...place, key]))
    : [place];

const valueAt = (value: unknown, place: Place): unknown =>
  place.reduce(
    (inner: unknown, key) => (inner as Record<string, unknown> | undefined)?.[key],
    value,
  );

const others: ReadonlyArray<unknown> = [
  null,
  -1,
  0.5,
  1e308,
  "",
  "x",
  "../../x",
  [],
  {},
  true,
  "__proto__",
  7,
];

const alteredValue = (random: Random, files: Files): Files | undefined => {
  const name = pick(random, [
    "data/run.json",
    "data/CLAIMS.json",
    "data/run.json",
    "data/pointers.json",
    "data/ro-crate-metadata.json",
    "data/croissant.json",
  ]);
  const value = JSON.parse(textIn(files, name)) as unknown;
  const run = JSON.parse(textIn(files, "data/run.json")) as BundleRun;
  const places = placesIn(value).filter(
    (place) => place.length > 0 && !isUnchecked(name, place, run),
  );
  if (places.length === 0) return undefined;
  const place = pick(random, places);
  const parent = valueAt(value, place.slice(0, -1)) as Record<string, unknown>;
  const key = place.at(-1)!;
  const before = JSON.stringify(parent[key]);
  if (random.bits() % 4 === 0) delete parent[key];
  else parent[key] = pick(random, others);
  if (JSON.stringify(parent[key]) === before) return undefined;
  return new Map([...files, [name, jsonBytes(value)]]);
};

/**
 * Bundles altered at random, always the same ones: each is refused or found wrong, or holds what it held before. Nothing crashes,
 * and nothing is written but below the target.
 */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { jsonBytes } from "../../bundle/content.ts";
import { openBundle } from "../../bundle/open.ts";
import { identityOf } from "../../bundle/verify/bytes.ts";
import { verifyUpTo } from "../../bundle/verify/verify.ts";
import { Random } from "../../tasks/Random.ts";
import { sealed } from "./rawTar.ts";
import { bagOf, archiveOf, type Files, packed, smallBundle, textIn } from "./smallBundle.ts";
import { inScratch } from "./scratch.ts";

const block = 512;

/** What became of a bundle; throws where anything else happens than being refused, found wrong, or verified. */
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
    assert.isFalse(fs.existsSync(target), "half a bundle stays behind");
    return "refused";
  }
  const bundle = opened.success;
  assert.deepStrictEqual(fs.readdirSync(target), [bundle.top]);
  const problem = await verifyUpTo(bundle, level);
  const identity = problem === undefined ? identityOf(bundle) : undefined;
  fs.rmSync(target, { recursive: true });
  return identity ?? "wrong";
};

/** Each case alters the bundle once more, by chance that follows from the case's number alone. */
const fuzz = (
  what: string,
  cases: number,
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
      // A fuzzer that never gets through, or always does, looks at nothing.
      assert.isAbove(
        (tally["refused"] ?? 0) + (tally["wrong"] ?? 0),
        cases / 4,
        JSON.stringify(tally),
      );
    }),
    120_000,
  );

const written = (bytes: Uint8Array, folder: string): string => {
  const file = path.join(folder, "altered");
  fs.writeFileSync(file, bytes);
  return file;
};

const unpackedTar = (archive: string): Buffer => zlib.gunzipSync(fs.readFileSync(archive));

const pick = <A>(random: Random, items: ReadonlyArray<A>): A =>
  items[random.bits() % items.length]!;

/** Where headers lie. */
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
    if (name === "data/run.json" && isSaid(files, bytes.toString("utf8"))) return undefined;
    return packed(new Map([...files, [name, bytes]]), folder);
  });
});

/** What nothing in a bundle follows from, and what follows from nothing in it. */
const free =
  /^(?:description|pipe\.|nodes\.\d+\.(?:summary|keyParts\.(?:sources|environment|code|version)|resumedFrom)|claims\.\d+\.(?:tolerance|seconds|bytes|gpu))/u;

const isSaid = (files: Files, text: string): boolean => {
  try {
    const [before, after] = [JSON.parse(textIn(files, "data/run.json")), JSON.parse(text)] as [
      unknown,
      unknown,
    ];
    const places = placesIn(before).filter(
      (place) => JSON.stringify(valueAt(before, place)) !== JSON.stringify(valueAt(after, place)),
    );
    return places.every((place) => free.test(place.join(".")));
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
  const places = placesIn(value).filter((place) => place.length > 0 && !free.test(place.join(".")));
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

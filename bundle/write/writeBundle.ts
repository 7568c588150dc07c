/** Writes the bundle of a run: gather, describe, scan, bag, archive. The result depends on the run and this pipe only. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { isDiskTrouble, StoreTrouble, storeTrouble } from "../../cache/StoreTrouble.ts";
import { type Bag, ChangedFile, makeBag } from "../format/bag.ts";
import type { GatheredRun } from "./GatheredRun.ts";
import { BundleRefused } from "../format/BundleRefused.ts";
import { inPathOrder, sizeOf } from "../format/content.ts";
import { checkCode, otherVersions } from "./checkCode.ts";
import { bundleEntries, crateEntry } from "./bundleEntries.ts";
import type { Entry, Pointer } from "../format/format.ts";
import { gather } from "./gather.ts";
import { knownHere } from "./knownNames.ts";
import type { MakePage } from "../format/MakePage.ts";
import { NameGuard } from "../format/safeNames.ts";
import type { Allowance } from "../../scan/scan.ts";
import { pageEntry } from "./pageEntry.ts";
import { allowedEntries, scanEntries } from "./scanEntries.ts";
import { type Product, readProduct } from "./product.ts";
import { writeTarGz } from "../format/tar.ts";
import { anonymize } from "./anonymize.ts";
import { bytesText } from "../../schemas/quantity.ts";

export interface BundleOptions {
  /** The file of the archive, or a folder for it. */
  readonly to: string;
  readonly models: boolean;
  /** The largest archive, in bytes. */
  readonly cap: number;
  readonly without: ReadonlyArray<string>;
  readonly allowMissing: boolean;
  readonly anonymous: boolean;
  /** SPDX identifiers of stages' files, by the experiment's names. */
  readonly licenses: ReadonlyMap<string, string>;
  /** Reasons of allowed findings of the scan, by id. */
  readonly allowed: ReadonlyMap<string, string>;
  readonly progress: (doing: string) => void;
  readonly makePage: MakePage;
}

export interface StageSize {
  readonly stage: string;
  readonly files: number;
  readonly bytes: number;
}

export interface WrittenBundle {
  readonly file: string;
  /** The top folder of the archive. */
  readonly top: string;
  readonly identity: string;
  readonly tarSha256: string;
  readonly bytes: number;
  readonly payload: Bag["payload"];
  readonly claims: number;
  readonly stages: ReadonlyArray<StageSize>;
  readonly leftOut: ReadonlyArray<Pointer>;
  /** How many of them recomputing claims takes. */
  readonly needed: number;
  readonly unmade: number;
  /** Stages with another version in the bundled sources: `generate 1 → 2`. */
  readonly otherVersions: ReadonlyArray<string>;
  readonly allowed: ReadonlyArray<Allowance>;
}

export const writeBundle = Effect.fn("writeBundle")(function* (
  run: string,
  options: BundleOptions,
) {
  const { progress, anonymous } = options;
  const product = productFor(anonymous);
  const { version, commit } = product;
  progress(`gathering ${run}`);
  const bundled = yield* gather(run, {
    models: options.models,
    room: options.cap,
    without: options.without,
    licenses: options.licenses,
    pipe: { version, ...(commit === undefined ? {} : { commit }) },
  });
  yield* checkMissing(bundled, options.allowMissing);
  yield* checkCode(bundled.run);
  const made = yield* bundleEntries(bundled, product);
  const known = knownHere(anonymous);
  const unpaged = anonymous ? anonymize(made.entries, known) : made.entries;
  progress("making the page");
  const published = [...unpaged, yield* pageEntry(unpaged, options.makePage)];
  const withCrate = (entries: ReadonlyArray<Entry>) =>
    inPathOrder([...entries, crateEntry(bundled, entries, product.committedAt)]);
  const described = withCrate(published);
  const allowed = yield* scanEntries(described, {
    ...options,
    known,
    leaveOut: "leave it out (--without STAGE)",
  });
  // Only an allowance, one more file for the crate to describe, takes another crate.
  const entries =
    allowed.length === 0 ? described : withCrate([...published, ...allowedEntries(allowed)]);
  const bag = yield* bagOf(entries, bundled, version, progress);
  const top = `${bundled.run.experiment}-${bag.identity.slice(0, 12)}`;
  yield* checkNames(top, bag.entries);
  const isFolder = fs.statSync(options.to, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isFolder ? path.join(options.to, `${top}.tar.gz`) : options.to;
  const archive = yield* writeArchive(bag, { top, file, bundled, options });
  return {
    file,
    top,
    identity: bag.identity,
    ...archive,
    payload: bag.payload,
    claims: made.claims,
    stages: stageSizes(bundled),
    leftOut: bundled.pointers,
    needed: bundled.pointers.filter(({ needed }) => needed).length,
    unmade: bundled.run.unmade.length,
    otherVersions: otherVersions(bundled.run),
    allowed,
  } satisfies WrittenBundle;
});

/** A commit, or its day, may lead to names. */
const productFor = (anonymous: boolean): Product => {
  const product = readProduct();
  const { commit: _, committedAt: __, ...nameless } = product;
  return anonymous ? nameless : product;
};

/** The author must agree to a bundle whose numbers can't be recomputed. */
const checkMissing = ({ pointers, nodes }: GatheredRun, allowMissing: boolean) => {
  const missing = pointers.filter(({ needed, why }) => needed && why === "missing");
  if (missing.length === 0 || allowMissing) return Effect.void;
  const makers = new Map(nodes.toReversed().map(({ bundled }) => [bundled.artifact, bundled.node]));
  const listed = missing
    .slice(0, mostListed)
    .map(({ artifact, path }) => `\n  ${makers.get(artifact) ?? artifact}: ${path}`);
  const others = missing.length > mostListed ? `\n  and ${missing.length - mostListed} others` : "";
  return Effect.fail(
    new BundleRefused({
      message: `the store no longer has files that numbers are computed from:${listed.join("")}${others}`,
      fix: `recreate them (run the experiment with --only ${makers.get(missing[0]?.artifact ?? "")}), or add --allow-missing: the README then names the numbers that can't be recomputed`,
    }),
  );
};

const mostListed = 10;

const bagOf = (
  entries: ReadonlyArray<Entry>,
  { digests }: GatheredRun,
  version: string,
  progress: BundleOptions["progress"],
) => {
  const total = bytesText(entries.reduce((sum, { content }) => sum + sizeOf(content), 0));
  return Effect.tryPromise({
    try: () =>
      makeBag(entries, {
        stored: digests,
        agent: `pipe ${version}`,
        onRead: (bytes) => progress(`hashing ${bytesText(bytes)} of ${total}`),
      }),
    catch: (error) =>
      error instanceof ChangedFile
        ? new StoreTrouble({
            message: `${error.path} differs from its digest in the store`,
            fix: "npx pipe fsck --repair removes damaged artifacts; then run the experiment again",
          })
        : storeTrouble("a file can't be read")(error),
  });
};

const checkNames = (top: string, entries: ReadonlyArray<Entry>) => {
  const names = new NameGuard();
  for (const { path: name } of entries) {
    const refused = names.add(`${top}/${name}`, true);
    const why = isAmbiguous(name)
      ? `BagIt and sha512sum read the name ${name} differently`
      : refused?.message;
    if (why !== undefined)
      return Effect.fail(
        new BundleRefused({
          message: why,
          fix: "give the file another name in its stage, or leave it out (--without STAGE)",
        }),
      );
  }
  return Effect.void;
};

/** BagIt reads these as escapes, `sha512sum` does not. */
const isAmbiguous = (name: string): boolean => /%(?:0A|0D|25)/iu.test(name);

interface Archiving {
  readonly top: string;
  readonly file: string;
  readonly bundled: GatheredRun;
  readonly options: BundleOptions;
}

/** Writes to a temporary name first, so that `file` is complete and within the cap. */
const writeArchive = (bag: Bag, { top, file, bundled, options }: Archiving) =>
  Effect.gen(function* () {
    const { cap, progress } = options;
    const partial = `${file}.partial`;
    const removePartial = Effect.sync(() => fs.rmSync(partial, { force: true }));
    return yield* Effect.gen(function* () {
      const archive = yield* Effect.tryPromise({
        try: () =>
          writeTarGz(
            bag.entries.map((entry) => ({ ...entry, path: `${top}/${entry.path}` })),
            partial,
            (bytes) => progress(`packing ${bytesText(bytes)}`),
          ),
        catch: cantWrite(file),
      });
      if (archive.bytes > cap) return yield* tooBig(archive.bytes, bundled, options);
      yield* Effect.try({ try: () => fs.renameSync(partial, file), catch: cantWrite(file) });
      return archive;
    }).pipe(Effect.ensuring(removePartial));
  });

const cantWrite = (file: string) => (error: unknown) =>
  isDiskTrouble(error)
    ? storeTrouble(`${file} can't be written`)(error)
    : new BundleRefused({
        message: `${file} can't be written: ${(error as Error).message}`,
        fix: "name another file or folder with --to",
      });

const tooBig = (bytes: number, bundled: GatheredRun, { cap, models }: BundleOptions) => {
  const stages = stageSizes(bundled).map(
    ({ stage, files, bytes }) => `\n  ${bytesText(bytes).padStart(8)}  ${stage} (${files} files)`,
  );
  const largest = stageSizes(bundled)[0]?.stage ?? "STAGE";
  const advice = models
    ? "leave the weights out (no --include models)"
    : `leave out the files of a stage (--without ${largest}; numbers computed from it can then be read, not recomputed)`;
  return new BundleRefused({
    message: `the archive has ${bytesText(bytes)}, more than the cap of ${bytesText(cap)}; before packing:${stages.join("")}`,
    fix: `${advice}, or raise the cap (--cap)`,
  });
};

/** Bytes taken by stage, the largest first. */
export const stageSizes = ({ nodes, entries }: GatheredRun): ReadonlyArray<StageSize> => {
  const stageOf = new Map(
    nodes.toReversed().map(({ bundled }) => [bundled.artifact, bundled.stageName]),
  );
  const sizes = new Map<string, StageSize>();
  for (const { path, content } of entries) {
    const stage = stageOf.get(path.split("/")[2] ?? "") ?? "";
    const { files, bytes } = sizes.get(stage) ?? { files: 0, bytes: 0 };
    sizes.set(stage, { stage, files: files + 1, bytes: bytes + sizeOf(content) });
  }
  return [...sizes.values()].toSorted((one, other) => other.bytes - one.bytes);
};

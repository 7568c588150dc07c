/** From a run in the store to an archive: gather, describe, scan, bag, write. What is in it is decided by the run and this pipe alone. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { isDiskTrouble, StoreTrouble, storeTrouble } from "../cache/StoreTrouble.ts";
import { type Bag, bagged, ChangedFile } from "./bag.ts";
import type { BundledRun } from "./BundledRun.ts";
import { BundleRefused } from "./BundleRefused.ts";
import { inPathOrder, sizeOf } from "./content.ts";
import { checkCode, otherVersions } from "./checkCode.ts";
import { crateEntry, describe } from "./describe.ts";
import type { Entry, Pointer } from "./format.ts";
import { gather } from "./gather.ts";
import { knownHere } from "./known.ts";
import { NameGuard } from "./safeNames.ts";
import type { Allowance } from "./scan/scan.ts";
import { allowedEntries, scanned } from "./scanned.ts";
import { type Product, readProduct } from "./source.ts";
import { writeTarGz } from "./tar.ts";
import { withoutAuthors } from "./withoutAuthors.ts";
import { bytesText } from "../schemas/quantity.ts";

export interface BundleOptions {
  /** The archive, or the folder where it is to lie under its own name. */
  readonly to: string;
  readonly models: boolean;
  /** Of the archive, in bytes. */
  readonly cap: number;
  readonly without: ReadonlyArray<string>;
  readonly allowMissing: boolean;
  readonly anonymous: boolean;
  /** SPDX identifiers of what stages, as the experiment names them, have brought in. */
  readonly licenses: ReadonlyMap<string, string>;
  /** Findings of the scan that may be published, each with the reason. */
  readonly allowed: ReadonlyMap<string, string>;
  readonly progress: (doing: string) => void;
}

export interface StageSize {
  readonly stage: string;
  readonly files: number;
  readonly bytes: number;
}

export interface WrittenBundle {
  readonly file: string;
  /** The folder at the top of the archive. */
  readonly top: string;
  readonly identity: string;
  readonly tarSha256: string;
  readonly bytes: number;
  readonly payload: Bag["payload"];
  readonly claims: number;
  readonly stages: ReadonlyArray<StageSize>;
  readonly leftOut: ReadonlyArray<Pointer>;
  /** How many of those numbers follow from. */
  readonly needed: number;
  readonly unmade: number;
  /** Stages that have another version in the sources that go along: `generate 1 → 2`. */
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
  const described = yield* describe(bundled, product);
  const known = knownHere(anonymous);
  const published = anonymous ? withoutAuthors(described.entries, known) : described.entries;
  const withCrate = (entries: ReadonlyArray<Entry>) =>
    inPathOrder([...entries, crateEntry(bundled, entries, product.committedAt)]);
  // The crate says what the files say, so it is looked through, too; what is allowed is one more file for it to name.
  const allowed = yield* scanned(withCrate(published), { ...options, known });
  const entries = withCrate([...published, ...allowedEntries(allowed)]);
  const bag = yield* bagOf(entries, bundled, version, progress);
  const top = `${bundled.run.experiment}-${bag.identity.slice(0, 12)}`;
  yield* checkNames(top, bag.entries);
  const isFolder = fs.statSync(options.to, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isFolder ? path.join(options.to, `${top}.tar.gz`) : options.to;
  const archive = yield* archived(bag, { top, file, bundled, options });
  return {
    file,
    top,
    identity: bag.identity,
    ...archive,
    payload: bag.payload,
    claims: described.claims,
    stages: stageSizes(bundled),
    leftOut: bundled.pointers,
    needed: bundled.pointers.filter(({ needed }) => needed).length,
    unmade: bundled.run.unmade.length,
    otherVersions: otherVersions(bundled.run),
    allowed,
  } satisfies WrittenBundle;
});

/** A commit leads to a page with names, and so may its day. */
const productFor = (anonymous: boolean): Product => {
  const product = readProduct();
  const { commit: _, committedAt: __, ...nameless } = product;
  return anonymous ? nameless : product;
};

/** A reviewer who can't recompute a number should hear why from its author, not find out. */
const checkMissing = ({ pointers, nodes }: BundledRun, allowMissing: boolean) => {
  const missing = pointers.filter(({ needed, why }) => needed && why === "missing");
  if (missing.length === 0 || allowMissing) return Effect.void;
  const makers = new Map(nodes.toReversed().map(({ told }) => [told.artifact, told.node]));
  const shown = missing
    .slice(0, mostShown)
    .map(({ artifact, path }) => `\n  ${makers.get(artifact) ?? artifact}: ${path}`);
  const others = missing.length > mostShown ? `\n  and ${missing.length - mostShown} others` : "";
  return Effect.fail(
    new BundleRefused({
      message: `files that numbers follow from are no longer in the store:${shown.join("")}${others}`,
      fix: `make them again (run the experiment with --only ${makers.get(missing[0]?.artifact ?? "")}), or take --allow-missing: the README then names what can't be recomputed`,
    }),
  );
};

const mostShown = 10;

const bagOf = (
  entries: ReadonlyArray<Entry>,
  { digests }: BundledRun,
  version: string,
  progress: BundleOptions["progress"],
) => {
  const total = bytesText(entries.reduce((sum, { content }) => sum + sizeOf(content), 0));
  return Effect.tryPromise({
    try: () =>
      bagged(entries, {
        stored: digests,
        agent: `pipe ${version}`,
        read: (bytes) => progress(`hashing ${bytesText(bytes)} of ${total}`),
      }),
    catch: (error) =>
      error instanceof ChangedFile
        ? new StoreTrouble({
            message: `${error.path} is not what was stored`,
            fix: "pipe fsck --repair takes what is damaged out of the way, so that it is made again",
          })
        : storeTrouble("a file can't be read")(error),
  });
};

const checkNames = (top: string, entries: ReadonlyArray<Entry>) => {
  const names = new NameGuard();
  for (const { path: name } of entries) {
    const refused = names.add(`${top}/${name}`, true);
    const why = isReadInTwoWays(name)
      ? `BagIt and sha512sum read the name ${name} differently`
      : refused?.message;
    if (why !== undefined)
      return Effect.fail(
        new BundleRefused({
          message: why,
          fix: "let the stage that makes it give it another name, or leave it out (--without STAGE)",
        }),
      );
  }
  return Effect.void;
};

/** BagIt has these stand for characters that a manifest can't hold; `sha512sum` knows nothing of that. */
const isReadInTwoWays = (name: string): boolean => /%(?:0A|0D|25)/iu.test(name);

interface Archiving {
  readonly top: string;
  readonly file: string;
  readonly bundled: BundledRun;
  readonly options: BundleOptions;
}

/** A file of that name is there only when it is whole and under the cap. */
const archived = (bag: Bag, { top, file, bundled, options }: Archiving) =>
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
        fix: "name another place with --to",
      });

const tooBig = (bytes: number, bundled: BundledRun, { cap, models }: BundleOptions) => {
  const stages = stageSizes(bundled).map(
    ({ stage, files, bytes }) => `\n  ${bytesText(bytes).padStart(8)}  ${stage} (${files} files)`,
  );
  const largest = stageSizes(bundled)[0]?.stage ?? "STAGE";
  const advice = models
    ? "leave the weights out (no --include models)"
    : `leave out the files of a stage (--without ${largest}; what follows from it can then be read, not recomputed)`;
  return new BundleRefused({
    message: `the archive has ${bytesText(bytes)}, more than the cap of ${bytesText(cap)}; before packing:${stages.join("")}`,
    fix: `${advice}, or raise the cap (--cap)`,
  });
};

/** What goes along, the largest first. */
export const stageSizes = ({ nodes, entries }: BundledRun): ReadonlyArray<StageSize> => {
  const stageOf = new Map(nodes.toReversed().map(({ told }) => [told.artifact, told.stageName]));
  const sizes = new Map<string, StageSize>();
  for (const { path, content } of entries) {
    const stage = stageOf.get(path.split("/")[2] ?? "") ?? "";
    const { files, bytes } = sizes.get(stage) ?? { files: 0, bytes: 0 };
    sizes.set(stage, { stage, files: files + 1, bytes: bytes + sizeOf(content) });
  }
  return [...sizes.values()].toSorted((one, other) => other.bytes - one.bytes);
};

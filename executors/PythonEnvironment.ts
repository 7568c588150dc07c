/**
 * The Pythons of the trainers: virtual environments made from lock files, once per machine and lock, or the interpreters
 * that `PIPE_PYTHON` and the like name, without changes.
 */
import { Context, Effect, Layer, Result, Semaphore } from "effect";
import fs from "node:fs";
import path from "node:path";
import { type Digest, digestJson, shortDigest } from "../schemas/Digest.ts";
import {
  buildEnvironment,
  pythonOf,
  type EnvironmentPlan,
  type OnProgress,
} from "./buildEnvironment.ts";
import { keepingTurn, takeTurn } from "./BuildTurn.ts";
import { findPython, type FoundPython } from "./findPython.ts";
import type { EnvironmentSpec } from "./EnvironmentSpec.ts";
import { differences, type EnvironmentState } from "./EnvironmentState.ts";
import { givenPython, installedIn } from "./givenPython.ts";
import { givenInterpreter } from "./interpreters.ts";
import { packageName, parseLock, type Requirements } from "./LockFile.ts";
import { environmentsDirectory, inCache } from "./pythonCache.ts";
import { PythonUnavailable } from "./PythonUnavailable.ts";
import { siteFilesDigest } from "./siteFiles.ts";
import { Supervisor } from "./Supervisor.ts";
import { processorTorch } from "./torchBuild.ts";
import type { TrainerPython } from "./TrainerPython.ts";

export class PythonEnvironment extends Context.Service<
  PythonEnvironment,
  {
    /**
     * SHA-256 over the pinned requirements of the locks, the files beside them and Python's `major.minor`; needs no build. For an interpreter
     * that a person names: `installed:` and the digest of the installed versions.
     */
    readonly identity: (environment: EnvironmentSpec) => Effect.Effect<string, PythonUnavailable>;
    /** The interpreter of that environment if it is built; undefined also where `ensure` would fail. */
    readonly existing: (environment: EnvironmentSpec) => Effect.Effect<string | undefined>;
    /** Builds the environment if it is missing: each lock on top of those before it. */
    readonly ensure: (
      environment: EnvironmentSpec,
      onProgress: OnProgress,
    ) => Effect.Effect<TrainerPython, PythonUnavailable>;
    /** Compares the packages that are installed with those that the locks name. */
    readonly inspect: (
      environment: EnvironmentSpec,
    ) => Effect.Effect<EnvironmentState, PythonUnavailable>;
  }
>()("pipe/PythonEnvironment") {
  static readonly layerNoDeps = Layer.effect(
    PythonEnvironment,
    Effect.gen(function* () {
      const supervisor = yield* Supervisor;
      const oneAtATime = yield* Semaphore.make(1);
      return PythonEnvironment.of({
        identity: Effect.fn("PythonEnvironment.identity")(function* (environment) {
          const locks = yield* Effect.forEach(environment.locks, readLock);
          const given = givenInterpreter(environment.variable);
          if (given !== undefined)
            return (yield* givenPython(given, environment.variable, namesIn(locks))).identity;
          return identityOf(locks, yield* findPython(memoFile()));
        }),
        existing: (environment) =>
          Effect.orElseSucceed(existingPython(environment), () => undefined),
        ensure: Effect.fn("PythonEnvironment.ensure")(function* (environment, onProgress) {
          const locks = yield* Effect.forEach(environment.locks, readLock);
          const given = givenInterpreter(environment.variable);
          if (given !== undefined)
            return yield* givenPython(given, environment.variable, namesIn(locks));
          const build = ensureLayers(supervisor, locks, environment.isComplete, onProgress);
          return yield* oneAtATime.withPermit(build);
        }),
        inspect: Effect.fn("PythonEnvironment.inspect")(function* (environment) {
          const locks = yield* Effect.forEach(environment.locks, readLock);
          const requirements = [...new Set(locks.flatMap((lock) => lock.requirements))];
          const packages = requirements.length;
          const given = givenInterpreter(environment.variable);
          const found = given ?? pythonOf(placeOf(locks, yield* findPython(memoFile())));
          if (found === undefined) return { packages };
          const installed = yield* installedIn(found, environment.variable, namesIn(locks));
          const { executable: python, versions } = installed;
          const isGiven = given !== undefined;
          return { packages, python, isGiven, ...differences(requirements, versions) };
        }),
      });
    }),
  );

  static readonly layer = Layer.provide(PythonEnvironment.layerNoDeps, Supervisor.layer);
}

/** `ensure` for scripts without Effect; rejects with a `PythonUnavailable`. */
export const ensurePython = (
  wanted: EnvironmentSpec,
  onProgress: (message: string, fraction?: number) => void,
): Promise<TrainerPython> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const environment = yield* PythonEnvironment;
      return yield* environment.ensure(wanted, (...news) => Effect.sync(() => onProgress(...news)));
    }).pipe(Effect.provide(PythonEnvironment.layer)),
  );

const existingPython = Effect.fnUntraced(function* ({ locks, variable }: EnvironmentSpec) {
  const read = yield* Effect.forEach(locks, readLock);
  const given = givenInterpreter(variable);
  if (given !== undefined) return (yield* givenPython(given, variable, namesIn(read))).python;
  return pythonOf(placeOf(read, yield* findPython(memoFile())));
});

interface Lock {
  readonly path: string;
  readonly requirements: Requirements;
  /** Digest of the files that its packages lack and that lie beside the lock. */
  readonly siteFiles: Digest | undefined;
}

const pollOthers = "250 millis";

const readLock = (path: string): Effect.Effect<Lock, PythonUnavailable> =>
  Effect.gen(function* () {
    const bad = (why: string) =>
      new PythonUnavailable({
        reason: "bad-lock",
        message: `the lock file ${path} is invalid: ${why}`,
        fix: "write every package as name==version, a line each, as `pip freeze` and `uv pip compile` do",
      });
    const text = yield* Effect.try({
      try: () => fs.readFileSync(path, "utf8"),
      catch: (error) => bad(String(error)),
    });
    const requirements = yield* Effect.fromResult(Result.mapError(parseLock(text), bad));
    return { path, requirements, siteFiles: siteFilesDigest(path) };
  });

const namesIn = (locks: ReadonlyArray<Lock>): ReadonlyArray<string> =>
  [...new Set(locks.flatMap((lock) => lock.requirements.map(packageName)))].toSorted();

const identityOf = (locks: ReadonlyArray<Lock>, python: FoundPython): string => {
  const siteFiles = locks.map((lock) => lock.siteFiles ?? null);
  return digestJson({
    python: python.version,
    requirements: locks.map((lock) => lock.requirements),
    ...(siteFiles.every((digest) => digest === null) ? {} : { siteFiles }),
  });
};

const placeOf = (locks: ReadonlyArray<Lock>, python: FoundPython): string =>
  path.join(environmentsDirectory(), shortDigest(identityOf(locks, python)));

const memoFile = (): string => path.join(environmentsDirectory(), "python.json");

/** Builds the missing environments of the first lock, the first two locks, and so on. */
const ensureLayers = (
  supervisor: Supervisor["Service"],
  locks: ReadonlyArray<Lock>,
  isComplete: true | undefined,
  onProgress: OnProgress,
) =>
  Effect.gen(function* () {
    const directory = environmentsDirectory();
    yield* inCache(directory, () => fs.mkdirSync(directory, { recursive: true }));
    const found = yield* findPython(memoFile());
    let python = found.executable;
    let base: string | undefined;
    for (const [index, { path, requirements }] of locks.entries()) {
      const place = placeOf(locks.slice(0, index + 1), found);
      const packages = requirements.length;
      const torch = processorTorch(requirements);
      const plan = { place, lock: path, packages, python: found, base, isComplete, torch };
      python = yield* ensureOne(supervisor, plan, onProgress);
      base = place;
    }
    return { python, identity: identityOf(locks, found) };
  });

/** Builds the environment, or waits for the process that builds it. */
const ensureOne = (
  supervisor: Supervisor["Service"],
  plan: EnvironmentPlan,
  onProgress: OnProgress,
) =>
  Effect.gen(function* () {
    const turn = `${plan.place}.turn`;
    for (let waited = false; ; waited = true) {
      const python = pythonOf(plan.place);
      if (python !== undefined) return python;
      if (yield* inCache(turn, () => takeTurn(turn))) {
        yield* keepingTurn(turn, buildEnvironment(supervisor, plan, onProgress));
        continue;
      }
      if (!waited)
        yield* onProgress("waiting for another process that builds the Python environment");
      yield* Effect.sleep(pollOthers);
    }
  });

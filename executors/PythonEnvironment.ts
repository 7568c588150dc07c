/**
 * The Python that trainers run with: a virtual environment made from lock files, once per machine and lock, or the
 * interpreter that `PIPE_PYTHON` names, as it is.
 */
import { Context, Effect, Layer, Result, Semaphore } from "effect";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digestJson, shortDigest } from "../schemas/Digest.ts";
import {
  buildEnvironment,
  pythonOf,
  type EnvironmentPlan,
  type OnProgress,
} from "./buildEnvironment.ts";
import { keepingTurn, takeTurn } from "./BuildTurn.ts";
import { findPython, type FoundPython } from "./findPython.ts";
import { givenPython } from "./givenPython.ts";
import { givenInterpreter } from "./interpreters.ts";
import { packageName, parseLock, type Requirements } from "./LockFile.ts";
import { environmentsDirectory, inCache } from "./pythonCache.ts";
import { PythonUnavailable } from "./PythonUnavailable.ts";
import { Supervisor } from "./Supervisor.ts";

export interface TrainerPython {
  /** Absolute path of the interpreter. */
  readonly python: string;
  /** What goes into keys: see `identity`. */
  readonly identity: string;
}

export class PythonEnvironment extends Context.Service<
  PythonEnvironment,
  {
    /**
     * SHA-256 over the pinned requirements of the locks and Python's `major.minor`; known without building anything.
     * With `PIPE_PYTHON`, `installed:` and the digest of the versions that are really installed.
     */
    readonly identity: (locks: ReadonlyArray<string>) => Effect.Effect<string, PythonUnavailable>;
    /** The environment of these lock files (absolute paths), each installed on top of those before it. */
    readonly ensure: (
      locks: ReadonlyArray<string>,
      onProgress: OnProgress,
    ) => Effect.Effect<TrainerPython, PythonUnavailable>;
  }
>()("pipe/PythonEnvironment") {
  static readonly layerNoDeps = Layer.effect(
    PythonEnvironment,
    Effect.gen(function* () {
      const supervisor = yield* Supervisor;
      const oneAtATime = yield* Semaphore.make(1);
      return PythonEnvironment.of({
        identity: Effect.fn("PythonEnvironment.identity")(function* (locks) {
          const given = givenInterpreter();
          const read = yield* Effect.forEach(locks, readLock);
          if (given !== undefined) return (yield* givenPython(given, namesIn(read))).identity;
          return identityOf(read, yield* findPython(memoFile()));
        }),
        ensure: Effect.fn("PythonEnvironment.ensure")(function* (locks, onProgress) {
          const given = givenInterpreter();
          const read = yield* Effect.forEach(locks, readLock);
          if (given !== undefined) return yield* givenPython(given, namesIn(read));
          return yield* oneAtATime.withPermit(ensureLayers(supervisor, read, onProgress));
        }),
      });
    }),
  );

  static readonly layer = Layer.provide(PythonEnvironment.layerNoDeps, Supervisor.layer);
}

/** The same for scripts that know nothing of Effect; rejects with a `PythonUnavailable`. */
export const ensurePython = (
  locks: ReadonlyArray<string>,
  onProgress: (message: string, fraction?: number) => void,
): Promise<TrainerPython> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const environment = yield* PythonEnvironment;
      return yield* environment.ensure(locks, (...news) => Effect.sync(() => onProgress(...news)));
    }).pipe(Effect.provide(PythonEnvironment.layer)),
  );

interface Lock {
  readonly path: string;
  readonly requirements: Requirements;
}

const POLL_OTHERS = "250 millis";

const readLock = (path: string): Effect.Effect<Lock, PythonUnavailable> =>
  Effect.gen(function* () {
    const bad = (why: string) =>
      new PythonUnavailable({
        reason: "bad-lock",
        message: `the lock file ${path} cannot be used: ${why}`,
        fix: "a lock names every package with its version, name==version, a line each; `pip freeze` and `uv pip compile` write such files",
      });
    const text = yield* Effect.try({
      try: () => readFileSync(path, "utf8"),
      catch: (error) => bad(String(error)),
    });
    const requirements = yield* Effect.fromResult(Result.mapError(parseLock(text), bad));
    return { path, requirements };
  });

const namesIn = (locks: ReadonlyArray<Lock>): ReadonlyArray<string> =>
  [...new Set(locks.flatMap((lock) => lock.requirements.map(packageName)))].toSorted();

const identityOf = (locks: ReadonlyArray<Lock>, python: FoundPython): string =>
  digestJson({ python: python.version, requirements: locks.map((lock) => lock.requirements) });

const memoFile = (): string => join(environmentsDirectory(), "python.json");

/** Makes the environments of the first lock, the first two, and so on, where they are not there already. */
const ensureLayers = (
  supervisor: Supervisor["Service"],
  locks: ReadonlyArray<Lock>,
  onProgress: OnProgress,
) =>
  Effect.gen(function* () {
    const directory = environmentsDirectory();
    yield* inCache(directory, () => mkdirSync(directory, { recursive: true }));
    const found = yield* findPython(memoFile());
    let python = found.executable;
    let base: string | undefined;
    for (const [index, { path, requirements }] of locks.entries()) {
      const place = join(directory, shortDigest(identityOf(locks.slice(0, index + 1), found)));
      const plan = { place, lock: path, packages: requirements.length, python: found, base };
      python = yield* ensureOne(supervisor, plan, onProgress);
      base = place;
    }
    return { python, identity: identityOf(locks, found) };
  });

/** Builds the environment, or waits for the process that does, until it is there. */
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
      if (!waited) yield* onProgress("waiting for another process that prepares Python");
      yield* Effect.sleep(POLL_OTHERS);
    }
  });

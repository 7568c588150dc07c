/**
 * Facts in a bundle's keys that this machine may lack: the trainers' Python, and local files of the experiment. Planning with them finds
 * the imported results; a job that would need the other Python or a missing file fails.
 */
import { Effect, Layer } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { IsIgnored } from "../../cache/ignoreRules.ts";
import { SourceDigests } from "../../cache/SourceDigests.ts";
import { Store } from "../../cache/Store.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { PythonUnavailable } from "../../executors/PythonUnavailable.ts";

export interface RecordedMachine {
  /** The identity of the trainers' Python, if all had the same. */
  readonly environment: string | undefined;
  /** Digests of local files by their names in params. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Refuses to start a trainer in another Python, because its result would get a wrong key. */
export const recordedPython = ({ environment }: RecordedMachine) =>
  Layer.effect(
    PythonEnvironment,
    Effect.map(PythonEnvironment, (own) =>
      environment === undefined
        ? own
        : PythonEnvironment.of({
            identity: () => Effect.succeed(environment),
            existing: own.existing,
            inspect: own.inspect,
            ensure: (wanted, onProgress) =>
              Effect.flatMap(own.ensure(wanted, onProgress), (found) =>
                found.identity === environment ? Effect.succeed(found) : otherPython,
              ),
          }),
    ),
  );

const otherPython = Effect.fail(
  new PythonUnavailable({
    reason: "no-python",
    message: "the Python or the packages here differ from those of the bundle's trainers",
    fix: "install that Python (see environment/ in the bundle), or run without --from-bundle, which reruns everything with this one",
  }),
);

/** For planning only: a run that needs a file reads the file itself. */
export const recordedSources = ({ sources }: RecordedMachine, project: string) => {
  const recorded = new Map(
    [...sources].map(([name, digest]) => [path.resolve(project, name), digest]),
  );
  return Layer.effect(
    Store,
    Effect.map(Store, (own) =>
      Store.of({
        ...own,
        sourceDigests: () => new SourcesOrRecorded(own, recorded),
      }),
    ),
  );
};

/** Files here have their own digests; missing files have the recorded ones. */
class SourcesOrRecorded extends SourceDigests {
  readonly #recorded: ReadonlyMap<string, string>;

  constructor(store: Store["Service"], recorded: ReadonlyMap<string, string>) {
    super(store.sourceDigests().known);
    this.#recorded = recorded;
  }

  override ofPath(target: string, isIgnored?: IsIgnored): Promise<string> {
    const digest = fs.existsSync(target) ? undefined : this.#recorded.get(target);
    return digest === undefined ? super.ofPath(target, isIgnored) : Promise.resolve(digest);
  }
}

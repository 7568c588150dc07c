/**
 * What keys hold of the machine that a bundle's run was on, and this one may lack: the trainers' Python, and local files that the
 * experiment names. With it, what was made then is found under the keys it had; nothing new is made under what is not here.
 */
import { Effect, Layer } from "effect";
import fs from "node:fs";
import path from "node:path";
import { SourceDigests } from "../cache/SourceDigests.ts";
import { Store } from "../cache/Store.ts";
import { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import { PythonUnavailable } from "../executors/PythonUnavailable.ts";

export interface Recorded {
  /** The identity of the Python that the trainers ran in, where it is one. */
  readonly environment: string | undefined;
  /** Local files by the names that params give them: their digests. */
  readonly sources: ReadonlyMap<string, string>;
}

/** A trainer that has to run is refused where the Python is another: what it made would stand under a key that is not its own. */
export const recordedPython = ({ environment }: Recorded) =>
  Layer.effect(
    PythonEnvironment,
    Effect.map(PythonEnvironment, (own) =>
      environment === undefined
        ? own
        : PythonEnvironment.of({
            identity: () => Effect.succeed(environment),
            ensure: (locks, onProgress) =>
              Effect.flatMap(own.ensure(locks, onProgress), (found) =>
                found.identity === environment ? Effect.succeed(found) : otherPython,
              ),
          }),
    ),
  );

const otherPython = Effect.fail(
  new PythonUnavailable({
    reason: "no-python",
    message:
      "the bundle's trainers ran in another Python, or with other packages, than there are here",
    fix: "bring that Python, which the bundle's environment/ describes; or run without --from-bundle, which makes everything with this one",
  }),
);

/** For planning alone: a run that needs a file looks for the file itself. */
export const recordedSources = ({ sources }: Recorded, project: string) => {
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

/** What is here counts; what is not here is what it was. */
class SourcesOrRecorded extends SourceDigests {
  readonly #recorded: ReadonlyMap<string, string>;

  constructor(store: Store["Service"], recorded: ReadonlyMap<string, string>) {
    super(store.sourceDigests().known);
    this.#recorded = recorded;
  }

  override ofPath(target: string): Promise<string> {
    const digest = fs.existsSync(target) ? undefined : this.#recorded.get(target);
    return digest === undefined ? super.ofPath(target) : Promise.resolve(digest);
  }
}

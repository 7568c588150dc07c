/**
 * Which code a stage runs: the closure of its TypeScript module and, where it runs a trainer of ours, of that trainer's
 * Python module and of the scorer that it asks, over value imports within this repository, with the packages these bring in.
 *
 * `stages/stages.lock.json` records the closure that each version stands for. While the two are equal, a key has the
 * version alone, so a refactoring costs one recorded sentence; where they differ, the real digest enters the key.
 */
import type { Digest } from "../schemas/Digest.ts";
import { readLock, type StagesLock } from "./code/Lock.ts";
import { type Closure, closureDigest, review } from "./code/review.ts";
import { pythonModule } from "./code/python.ts";
import type { SourceModule } from "./code/SourceModule.ts";
import { typescriptModule } from "./code/typescript.ts";
import type { Stage } from "./Stage.ts";

export interface StageCode {
  readonly digest: Digest;
  /** The lock says that the stage's version stands for this very code. */
  readonly recorded: boolean;
}

const known = new Map<Stage, StageCode>();
let lock: StagesLock | undefined;

/** The stage's code as it was when this process asked first; throws `UnknownCode`. */
export const codeOf = (stage: Stage): StageCode => {
  const before = known.get(stage);
  if (before !== undefined) return before;
  lock ??= readLock();
  const closure = closureOf(stage);
  const { state } = review(stage.version, closure, lock[stage.name]);
  const code = { digest: closure.digest, recorded: state === "recorded" };
  known.set(stage, code);
  return code;
};

/** Whether a trainer's files still are what they were when this process asked first: they are read when its jobs start. */
export const codeIsAsBefore = (stage: Stage): boolean =>
  stage.trainer === undefined || closureOf(stage).digest === codeOf(stage).digest;

export const closureOf = (stage: Stage): Closure => {
  const modules = new Map([
    ...reach(moduleOf(stage), typescriptModule),
    ...(stage.trainer === undefined ? [] : reach(`trainers/${stage.trainer}.py`, pythonModule)),
    ...(stage.scorer === undefined ? [] : reach("tasks/score.ts", typescriptModule)),
  ]);
  const files = Object.fromEntries(
    [...modules.keys()].toSorted().map((file) => [file, modules.get(file)!.digest]),
  );
  const packages = Object.fromEntries(
    [...modules.values()].flatMap((module) => Object.entries(module.packages)).toSorted(),
  );
  return { digest: closureDigest(files, packages), files, packages };
};

/** A stage named `x-y` is declared in `stages/XY.ts`. */
export const moduleOf = (stage: Stage): string =>
  `stages/${stage.name.replaceAll(/(?:^|-)(\w)/gu, (_, first: string) => first.toUpperCase())}.ts`;

/** The file and whatever it brings in, directly or not. */
export const reach = (
  first: string,
  moduleAt: (file: string) => SourceModule,
): ReadonlyMap<string, SourceModule> => {
  const reached = new Map<string, SourceModule>();
  const waiting = [first];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    const module = moduleAt(file);
    reached.set(file, module);
    waiting.push(...module.imports);
  }
  return reached;
};

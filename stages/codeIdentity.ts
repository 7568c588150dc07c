/**
 * The code identity of a stage: a digest of its declaration and its run, its trainer's Python module and the scorer that the
 * trainer asks, with everything these import within this repository, and of the versions of their packages.
 *
 * `stages/stages.lock.json` records the code of each version. While they agree, a key holds the version alone, so a
 * refactoring costs one recorded sentence. Where they differ, the digest of the actual code enters the key.
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
  /** The lock file records this code for the stage's version. */
  readonly recorded: boolean;
}

const known = new Map<Stage, StageCode>();
let lock: StagesLock | undefined;

/** The stage's code when this process first read it. Throws `UnknownCode`. */
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

/** False once a trainer's files change in the life of this process: jobs read them when they start. */
export const codeIsAsBefore = (stage: Stage): boolean =>
  stage.trainers === undefined || closureOf(stage).digest === codeOf(stage).digest;

export const closureOf = (stage: Stage): Closure => {
  const modules = new Map([
    ...typescriptOf(stage),
    ...reach(
      (stage.trainers ?? []).map((name) => `trainers/${name}.py`),
      pythonModule,
    ),
  ]);
  const files = Object.fromEntries(
    [...modules.keys()].toSorted().map((file) => [file, modules.get(file)!.digest]),
  );
  const packages = Object.fromEntries(
    [...modules.values()].flatMap((module) => Object.entries(module.packages)).toSorted(),
  );
  return { digest: closureDigest(files, packages), files, packages };
};

/** The TypeScript modules of a stage's code. */
export const typescriptOf = (stage: Stage): ReadonlyMap<string, SourceModule> =>
  reach(
    [moduleOf(stage), runModuleOf(stage), ...(stage.scorer === true ? ["tasks/score.ts"] : [])],
    typescriptModule,
  );

/** The declaration of a stage named `x-y` is `stages/XY.ts`. */
export const moduleOf = (stage: Stage): string => `${pathOf(stage)}.ts`;

/** Its run is `stages/XY.run.ts`. */
export const runModuleOf = (stage: Stage): string => `${pathOf(stage)}.run.ts`;

const pathOf = ({ name }: Stage): string =>
  `stages/${name.replaceAll(/(?:^|-)(\w)/gu, (_, first: string) => first.toUpperCase())}`;

/** Audits (`stages/XY.audit.ts`) check an output and never change it, so they are no part of a stage's code. */
const isAudit = (file: string): boolean => file.endsWith(".audit.ts");

/** The files and everything they import, directly or indirectly. */
export const reach = (
  first: ReadonlyArray<string>,
  moduleAt: (file: string) => SourceModule,
): ReadonlyMap<string, SourceModule> => {
  const reached = new Map<string, SourceModule>();
  const waiting = [...first];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    const module = moduleAt(file);
    reached.set(file, module);
    waiting.push(...module.imports.filter((imported) => !isAudit(imported)));
  }
  return reached;
};

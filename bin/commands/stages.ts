import { Clock, Console, Effect } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { type LockedStage, readLock, writeLock } from "../../stages/code/Lock.ts";
import { affirmed, review } from "../../stages/code/review.ts";
import type { UnknownCode } from "../../stages/code/SourceModule.ts";
import { closureOf } from "../../stages/codeIdentity.ts";
import { stages } from "../../stages/stages.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { type ReviewedStage, stagesText } from "../view/stagesText.ts";
import { styleFor } from "../view/style.ts";
import { jsonFlag } from "./specFlags.ts";

const lookAt = <A>(look: () => A) =>
  Effect.try({ try: look, catch: (error) => error as UnknownCode });

const reviewed = lookAt(() => {
  const lock = readLock();
  return [...stages.values()].map((stage): ReviewedStage => {
    const closure = closureOf(stage);
    const locked = lock[stage.name];
    return { stage, closure, locked, ...review(stage.version, closure, locked) };
  });
});

const affirmCommand = Command.make(
  "affirm",
  {
    names: Argument.String("stage").pipe(
      Argument.atLeast(1),
      Argument.withDescription("stages, by name"),
    ),
    reason: Flag.String("reason").pipe(
      Flag.withDescription(
        "why results that the recorded code made are still right, in a sentence",
      ),
    ),
  },
  Effect.fn("pipe stages affirm")(function* ({ names, reason }) {
    if (reason.trim() === "")
      return yield* new UsageError({ message: "the reason is empty: a sentence says why" });
    const named = yield* Effect.forEach(names, stageNamed);
    const date = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10);
    const lock = new Map<string, LockedStage>();
    for (const each of yield* reviewed) {
      const { name } = each.stage;
      const now = named.includes(each.stage)
        ? yield* affirm(each, { date, reason: reason.trim() })
        : each.locked;
      if (now !== undefined) lock.set(name, now);
    }
    writeLock(Object.fromEntries(lock));
  }),
).pipe(
  Command.withDescription(
    "Record that a stage's version stands for its present code; after a version was raised, too",
  ),
);

const affirm = Effect.fnUntraced(function* (
  { stage: { name, version }, closure, locked, state }: ReviewedStage,
  affirmation: { readonly date: string; readonly reason: string },
) {
  if (state === "recorded") {
    yield* Console.log(`${name} is recorded as it is`);
    return locked;
  }
  if (state === "lowered")
    return yield* new UsageError({
      message: `the version of ${name} went from ${locked?.version} back to ${version}, whose results other code made; a version only goes up`,
    });
  yield* Console.log(`${name}: version ${version} now stands for this code`);
  return affirmed(version, closure, locked, affirmation);
});

const stageNamed = Effect.fnUntraced(function* (name: string) {
  const stage = stages.get(name);
  if (stage !== undefined) return stage;
  return yield* unknownNameError("stage", name, [...stages.keys()]);
});

export const stagesCommand = Command.make(
  "stages",
  { json: jsonFlag },
  Effect.fn("pipe stages")(function* ({ json }) {
    const all = yield* reviewed;
    if (!json) return yield* Console.log(stagesText(all, styleFor(process.stdout)));
    for (const { stage, closure, locked, state, changes } of all)
      process.stdout.write(
        jsonLine({
          stage: stage.name,
          version: stage.version,
          digest: closure.digest,
          state,
          recorded:
            locked === undefined ? null : { version: locked.version, digest: locked.digest },
          changes,
        }),
      );
  }),
).pipe(
  Command.withDescription("List the stages, and whether their code is what the lock records"),
  Command.withSubcommands([affirmCommand]),
);

import { Clock, Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { type LockedStage, readLock, writeLock } from "../../stages/code/Lock.ts";
import { affirmed, review } from "../../stages/code/review.ts";
import type { UnknownCode } from "../../stages/code/SourceModule.ts";
import { closureOf } from "../../stages/codeIdentity.ts";
import { stageParamsSchema } from "../../stages/experimentJsonSchema.ts";
import type { Stage } from "../../stages/Stage.ts";
import { stages } from "../../stages/stages.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { stageReference } from "../view/stageReference.ts";
import { type ReviewedStage, stagesText } from "../view/stagesText.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { jsonFlag } from "./specFlags.ts";

const reviewStages = Effect.try({
  try: () => {
    const lock = readLock();
    return [...stages.values()].map((stage): ReviewedStage => {
      const closure = closureOf(stage);
      const locked = lock[stage.name];
      return { stage, closure, locked, ...review(stage.version, closure, locked) };
    });
  },
  catch: (error) => error as UnknownCode,
});

const affirmCommand = Command.make(
  "affirm",
  {
    names: Argument.String("stage").pipe(
      Argument.atLeast(1),
      Argument.withDescription("stages, by name"),
    ),
    reason: Flag.String("reason").pipe(
      Flag.withDescription("why results of the recorded code are still right, in a sentence"),
    ),
  },
  Effect.fn("pipe stages affirm")(function* ({ names, reason }) {
    if (reason.trim() === "")
      return yield* new UsageError({
        message: "--reason is empty; write why results of the recorded code are still right",
      });
    const chosen = yield* Effect.forEach(names, findStage);
    const date = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10);
    const lock = new Map<string, LockedStage>();
    for (const each of yield* reviewStages) {
      const { name } = each.stage;
      const now = chosen.includes(each.stage)
        ? yield* affirm(each, { date, reason: reason.trim() })
        : each.locked;
      if (now !== undefined) lock.set(name, now);
    }
    writeLock(Object.fromEntries(lock));
  }),
).pipe(
  Command.withDescription(
    "Record a stage's present code under its version: after raising it, or if the output stays the same",
  ),
);

const affirm = Effect.fnUntraced(function* (
  { stage: { name, version }, closure, locked, state }: ReviewedStage,
  affirmation: { readonly date: string; readonly reason: string },
) {
  if (state === "recorded") {
    yield* printText(`${name}: its code is recorded already`);
    return locked;
  }
  if (state === "lowered")
    return yield* new UsageError({
      message: `the version of ${name} went down from ${locked?.version} to ${version}, which stands for other code; raise it above ${locked?.version}`,
    });
  yield* printText(`${name}: recorded this code under version ${version}`);
  return affirmed(version, closure, locked, affirmation);
});

const findStage = Effect.fnUntraced(function* (name: string) {
  const stage = stages.get(name);
  if (stage !== undefined) return stage;
  return yield* unknownNameError("stage", name, [...stages.keys()]);
});

/** The reference of one stage; for programs, the JSON Schema of its params. */
const explainStage = (stage: Stage, json: boolean) =>
  Effect.suspend(() => {
    const { name, version, summary, output, inputs, example } = stage;
    if (!json) return printText(stageReference(stage, styleFor(process.stdout)));
    const from =
      inputs === "any"
        ? inputs
        : Object.entries(inputs).map(([input, { kinds, many = false, optional = false }]) => ({
            input,
            kinds,
            many,
            optional,
          }));
    const params = stageParamsSchema(stage);
    return Effect.sync(
      () =>
        void process.stdout.write(
          jsonLine({ stage: name, version, summary, from, output, params, example }),
        ),
    );
  });

export const stagesCommand = Command.make(
  "stages",
  {
    name: Argument.String("stage").pipe(
      Argument.optional,
      Argument.withDescription("a stage to explain: its params, inputs and output"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe stages")(function* ({ name, json }) {
    if (Option.isSome(name)) return yield* explainStage(yield* findStage(name.value), json);
    const all = yield* reviewStages;
    if (!json) return yield* printText(stagesText(all, styleFor(process.stdout)));
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
  Command.withDescription(
    "List the stages and whether their code matches the lock file; or explain one stage",
  ),
  Command.withSubcommands([affirmCommand]),
);

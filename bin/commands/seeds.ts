import { Effect } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { shareText } from "../../kinds/tableColumns.ts";
import type { TableContrast } from "../../kinds/TableFile.ts";
import { numbersOfRun } from "../../pipelines/history/runNumbers.ts";
import { pairsForPower } from "../../stats/pairedPower.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { printText } from "../view/printText.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { findRun } from "./findRun.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

export const seedsCommand = Command.make(
  "seeds",
  {
    run: Argument.String("run").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("a run whose table has contrasts; by default the latest"),
    ),
    contrast: Flag.String("contrast").pipe(
      Flag.withDefault(""),
      Flag.withDescription("an arm, such as NGDiff, or arm/metric; by default every contrast"),
    ),
    effect: Flag.Finite("effect").pipe(
      Flag.withDefault(0),
      Flag.filter(
        (effect) => effect >= 0 && effect <= 1,
        () => "a difference from 0 to 1",
      ),
      Flag.withDescription("the difference to find; by default the one seen"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe seeds")(function* ({ run, contrast, effect, json }) {
    const plan = yield* findRun(run);
    const numbers = yield* numbersOfRun(plan).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
    );
    const all = numbers.flatMap((each) => each.numbers.table?.contrasts ?? []);
    if (all.length === 0)
      return yield* new UsageError({
        message: `no table of ${plan.run} has contrasts; add \`compare\` to \`summarize\``,
      });
    const names = all.flatMap(({ arm, metric }) => [arm, `${arm}/${metric}`]);
    if (contrast !== "" && !names.includes(contrast))
      return yield* unknownNameError("contrast", contrast, [...new Set(names)], "--contrast: ");
    const chosen = all.filter(({ arm, metric }) =>
      ["", arm, `${arm}/${metric}`].includes(contrast),
    );
    if (chosen.every(({ sd }) => sd === null))
      return yield* new UsageError({
        message: `the contrasts of ${plan.run} are of one seed, which shows no spread; add \`--axis seed=0,1,2\` to its \`pipe run\``,
      });
    for (const each of chosen) {
      const planned = seedsOf(each, effect);
      if (json) process.stdout.write(jsonLine({ run: plan.run, ...planned }));
      else yield* printText(seedsText(each, planned));
    }
    if (!json)
      yield* printText(
        "for 80 % power of a paired t-test over seeds at 5 %, on the same test pictures, if spread and effect are as here",
      );
  }),
).pipe(Command.withDescription("Plan how many seeds a contrast needs for 80 % power"));

interface Planned {
  readonly arm: string;
  readonly baseline: string;
  readonly metric: TableContrast["metric"];
  readonly effect: number;
  readonly sd: number | null;
  readonly seeds: number | null;
  readonly reason: string | null;
}

const seedsOf = ({ arm, baseline, metric, value, sd }: TableContrast, wanted: number): Planned => {
  const effect = wanted > 0 ? wanted : Math.abs(value ?? 0);
  const found = { arm, baseline, metric, effect, sd };
  if (sd === null) return { ...found, seeds: null, reason: "one seed shows no spread" };
  if (sd === 0)
    return {
      ...found,
      seeds: null,
      reason: "the seeds' differences are equal: no spread to plan with",
    };
  if (effect === 0) return { ...found, seeds: null, reason: "there is no effect: give --effect" };
  const seeds = pairsForPower(effect / sd);
  return { ...found, seeds, reason: seeds === null ? "more than 10,000" : null };
};

const seedsText = ({ runs }: TableContrast, planned: Planned): string => {
  const { arm, baseline, metric, effect, sd, seeds, reason } = planned;
  const spread = sd === null ? "" : `, sd ${shareText(sd)} between ${runs} seeds`;
  return `${arm} − ${baseline}, ${metric}: ${seeds === null ? reason : `${seeds} seeds`} (effect ${shareText(effect)}${spread})`;
};

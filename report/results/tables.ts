/** The tables of a page, in Markdown. */
import { armName, armsNamed } from "./Arms.ts";
import {
  associationsOf,
  pointName,
  readingNames,
  rewardNames,
  targetNames,
} from "./associations.ts";
import {
  accuraciesCaption,
  correlationsCaption,
  differencesCaption,
  surrogatesCaption,
} from "./captions.ts";
import { type Differences, differencesNamed } from "./differences.ts";
import { decimals, markdownTable, none, proportionText, pText, signed, span } from "./numbers.ts";
import { captionErrors, type Errors, otherErrors } from "../../kinds/TableFile.ts";
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { ExampleLine } from "./Evidence.ts";
import { orderOfReadings } from "../../kinds/orderOfReadings.ts";
import type { Page } from "./Page.ts";
import { studentMean } from "../../stats/studentT.ts";
import type { Estimate } from "../../schemas/Correlation.ts";
import { axisName, type Metric, metrics } from "../analysis/Arms.ts";
import type { PageTable } from "./Study.ts";
import { curveDifferences } from "./curveDifferences.ts";
import { passes } from "./passes.ts";
import { type Options, promises, rankingOf } from "./surrogates.ts";

export const tableText = (page: Page, table: PageTable): string => {
  switch (table.show) {
    case "accuracies":
      return accuracies(page, table.arms);
    case "decomposition":
      return decomposition(page, table.arms);
    case "errors":
      return errors(page, table.arms);
    case "differences":
      return differences(page, table.differences);
    case "correlations":
      return correlations(page, table);
    case "contingency":
      return contingency(page, table);
    case "checkpoints":
      return checkpoints(page, table.of);
    case "order":
      return order(page, page.correlations(table.of, table.where));
    case "surrogates":
      return surrogates(page, table);
    case "passes":
      return passes(page, table);
    case "curve-differences":
      return curveDifferences(page, table);
  }
};

const withCaption = (table: string, caption: string): string => `${table}\n\n${caption}`;

const accuracies = (page: Page, name: string): string => {
  const { axis, arms } = armsNamed(page, name);
  const repeated = arms.some(({ points }) => points.length > 1);
  const rows = arms.map(({ label, points, pooled }) => {
    const sd = (metric: Metric) =>
      decimals(
        studentMean(points.flatMap(({ accuracies }) => accuracies[metric]?.value ?? [])).sd.value,
      );
    return [
      label,
      ...metrics.map((metric) => proportionText(pooled[metric])),
      ...(repeated ? metrics.map(sd) : []),
      (pooled.a?.n ?? 0).toLocaleString("en"),
    ];
  });
  const spread = repeated ? metrics.map((metric) => `sd of ${metric} between seeds`) : [];
  return withCaption(
    markdownTable([axisName(axis), ...metrics, ...spread, "n"], rows),
    accuraciesCaption(page, name, false),
  );
};

/** a = a_p · P(a | caption right) + (1 − a_p) · P(a | caption wrong), over all answers of an arm. */
const decomposition = (page: Page, name: string): string => {
  const { axis, arms } = armsNamed(page, name);
  const rows = arms.map(({ label, points }) => {
    const all = points.flatMap(({ examples }) => examples);
    const right = all.filter(({ a_p }) => a_p === 1);
    const wrong = all.filter(({ a_p }) => a_p === 0);
    const share = (some: ReadonlyArray<ExampleLine>) =>
      decimals(some.length === 0 ? null : some.filter(({ a }) => a === 1).length / some.length);
    const count = (some: ReadonlyArray<ExampleLine>) => some.length.toLocaleString("en");
    return [
      label,
      share(all),
      decimals(all.length === 0 ? null : right.length / all.length),
      share(right),
      share(wrong),
      count(right),
      count(wrong),
    ];
  });
  const given = ["a, caption right", "a, caption wrong"];
  return withCaption(
    markdownTable([axisName(axis), "a", "a_p", ...given, "captions right", "captions wrong"], rows),
    "a = a_p · P(a, caption right) + (1 − a_p) · P(a, caption wrong), over the answers of all seeds.",
  );
};

/** Counts of answers by the errors of their captions. */
const errors = (page: Page, name: string): string => {
  const { axis, arms } = armsNamed(page, name);
  const rows = arms.map(({ label, points, pooled }) => {
    const all = points.flatMap((point) => point.errors ?? []);
    if (all.length < points.length)
      throw new Error(`the scores of ${label} do not say how captions differ`);
    const sum = (of: (errors: Errors) => number) =>
      all.reduce((total, each) => total + of(each), 0).toLocaleString("en");
    const inCaption = captionErrors.map(
      (kind) => `${sum((each) => each[kind].harmless)} / ${sum((each) => each[kind].fatal)}`,
    );
    const others = otherErrors.map((kind) => sum((each) => each[kind]));
    return [label, ...inCaption, ...others, (pooled.a?.n ?? 0).toLocaleString("en")];
  });
  const kinds = ["extra", "missing", "wrong", "right caption, wrong answer"];
  return withCaption(
    markdownTable([axisName(axis), ...kinds, "truncated", "unreadable", "answers"], rows),
    "Answers whose caption has an edge or digit that p* lacks (extra), lacks one of p* (missing) or has another one in its place (wrong): harmless, where the answer is right all the same / fatal. A caption may have errors of several kinds. Truncated: a caption or answer is opened and not closed or, since version 4 of `score`, the limit of tokens came before the answer; unreadable: another lacks one, or it cannot be read. Of all seeds.",
  );
};

const differences = (page: Page, name: string): string => {
  const found = differencesNamed(page, name);
  const rows = found.differences.map((each) => [
    each.arm,
    each.metric,
    signed(each.mean),
    span(each.low, each.high, signed),
    each.seeds.map(({ value }) => signed(value)).join(" "),
    pText(each.p),
    pText(each.p_holm),
    ...(each.margin ? [pText(each.margin.not_worse), pText(each.margin.equivalent)] : []),
  ]);
  const seeds = [
    ...new Set(found.differences.flatMap((each) => each.seeds.map(({ seed }) => seed))),
  ];
  const bySeed = seeds.length > 1 ? `by seed (${seeds.join(", ")})` : "by seed";
  const base = armName(found.axis, found.baseline);
  const heading = [axisName(found.axis), "of", `minus ${base}`, "95 % interval", bySeed];
  return withCaption(
    markdownTable([...heading, "p", "p (Holm)", ...marginHeading(found)], rows),
    differencesCaption(page, found, false),
  );
};

const marginHeading = ({ differences }: Differences): ReadonlyArray<string> => {
  const margin = differences.find((each) => each.margin)?.margin?.value;
  return margin === undefined ? [] : [`p (> −${margin})`, `p (within ${margin})`];
};

const estimateText = ({ value, low, high }: Estimate): string => {
  if (value === null) return none;
  const text = (number: number) => decimals(number, 2);
  return low === null ? text(value) : `${text(value)} ${span(low, high, text)}`;
};

const correlations = (
  page: Page,
  table: Extract<PageTable, { readonly show: "correlations" }>,
): string => {
  const { seed } = page.study;
  const found = page.correlations(table.of, table.where);
  const shown = associationsOf(found, table, seed);
  const lines = Map.groupBy(shown, ({ reward, point, seed, target }) =>
    JSON.stringify([reward, point, seed, target]),
  );
  const withPoint = shown.some(({ point }) => point !== "");
  const withSeed = shown.some(({ seed }) => seed !== "");
  const rows = [...lines.values()].map((line) => {
    const { reward, point, seed, target, association } = line[0]!;
    return [
      rewardNames(reward),
      targetNames[target],
      ...(withPoint ? [point] : []),
      ...(withSeed ? [seed] : []),
      ...table.readings.map((reading) => {
        const each = line.find((one) => one.reading === reading);
        return each === undefined ? none : estimateText(each.estimate);
      }),
      decimals(association.table?.phi_max ?? null, 2),
      association.rollouts.toLocaleString("en"),
      association.prompts.toLocaleString("en"),
    ];
  });
  const heading = [
    "reward",
    "with",
    ...(withPoint ? ["checkpoint"] : []),
    ...(withSeed ? [seed] : []),
    ...table.readings.map((reading) => readingNames[reading]),
    "largest phi possible",
    "rollouts",
    "prompts",
  ];
  const reasons = new Set(
    shown.flatMap(({ estimate: { value, reason } }) => (value === null ? (reason ?? []) : [])),
  );
  const undefinedNote =
    reasons.size === 0 ? "" : ` ${none} where undefined: ${[...reasons].join("; ")}.`;
  return withCaption(
    markdownTable(heading, rows),
    `${correlationsCaption(page, found, false)}${undefinedNote}`,
  );
};

const contingency = (
  page: Page,
  { of, rewards }: Extract<PageTable, { readonly show: "contingency" }>,
): string => {
  const { seed } = page.study;
  const found = page.correlations(of);
  const choice = { rewards, targets: ["perception", "reasoning"], readings: ["pooled"] } as const;
  const rows = associationsOf(found, choice, seed).flatMap(({ association, ...shown }) => {
    const { table } = association;
    if (table === null) return [];
    return [
      [
        [rewardNames(shown.reward), shown.point, shown.seed && `${seed} ${shown.seed}`]
          .filter((text) => text !== "")
          .join(", "),
        targetNames[shown.target],
        ...[table.both, table.only_reward, table.only_target, table.neither].map((count) =>
          count.toLocaleString("en"),
        ),
        decimals(shown.estimate.value, 2),
      ],
    ];
  });
  const heading = ["reward", "and", "both", "only the reward", "only the other", "neither", "phi"];
  return withCaption(markdownTable(heading, rows), correlationsCaption(page, found, false));
};

const order = (page: Page, found: Correlations): string => {
  const rows = orderOfReadings(found).map((each) => [
    `${targetNames[each.target]}, ${readingNames[each.reading]}`,
    `${each.reasoningHigher} of ${each.checkpoints}`,
    ...[each.above, each.below].map((count) => (count === null ? none : String(count))),
    decimals(each.withReasoning, 2),
    decimals(each.withPerception, 2),
  ]);
  const heading = [
    "reading of reasoning",
    "the outcome correlates more with it than with perception",
    "interval above 0",
    "interval below 0",
    "mean correlation with it",
    "mean correlation with perception",
  ];
  const about =
    "Checkpoints are counted; intervals are those of the difference. The first three readings share their definition with the outcome where the caption is right; the last does not, and its correlations are of other answers than the outcome's.";
  return withCaption(
    markdownTable(heading, rows),
    `${about} ${correlationsCaption(page, found, false)}`,
  );
};

/** The means of each checkpoint, and their rank correlations. */
const checkpoints = (page: Page, of: string): string => {
  const { seed } = page.study;
  const found = page.correlations(of);
  const { points, across } = found;
  const rewards = [...new Set(points.flatMap(({ means }) => Object.keys(means.rewards)))];
  const rows = points.map(({ labels, means, rollouts, prompts }) => [
    [pointName(labels, seed), labels[seed] && `${seed} ${labels[seed]}`]
      .filter((text) => text !== "" && text !== undefined)
      .join(", "),
    estimateText(means.perception),
    estimateText(means.reasoning),
    estimateText(means.counterfactual),
    ...rewards.map((reward) => decimals(means.rewards[reward]?.value ?? null, 2)),
    rollouts.end_to_end.toLocaleString("en"),
    prompts.toLocaleString("en"),
  ]);
  const heading = [
    "checkpoint",
    "a_p",
    "reasoning, own caption",
    "a_r",
    ...rewards.map(rewardNames),
  ];
  const ranks = across
    .filter(({ spearman }) => spearman.value !== null)
    .map(
      ({ reward, target, spearman, checkpoints: n }) =>
        `${rewardNames(reward)} with ${targetNames[target]} ${estimateText(spearman)} (n = ${n})`,
    );
  const note =
    ranks.length === 0
      ? ""
      : ` Spearman across the checkpoints' means, intervals of other prompts and not of other trainings: ${ranks.join("; ")}.`;
  return withCaption(
    markdownTable([...heading, "rollouts", "prompts"], rows),
    `Means, sampled. ${correlationsCaption(page, found, false)}${note}`,
  );
};

const surrogates = (page: Page, options: Options): string => {
  const { surrogates: found, rank } = rankingOf(page, options);
  const differences = differencesNamed(page, options.differences);
  const rows = found.map(({ arm, reward, promised, spread, gain }) => [
    arm,
    rewardNames(reward),
    ...promises.map((reading) => {
      const { low, high } = spread[reading];
      const interval = low === null ? "" : ` ${span(low, high, (end) => decimals(end, 2))}`;
      return `${decimals(promised[reading], 2)}${interval}`;
    }),
    `${signed(gain.mean)} ${span(gain.low, gain.high, signed)}`,
    gain.seeds.map(({ value }) => signed(value)).join(" "),
  ]);
  const heading = [
    "arm",
    "reward",
    ...promises.map((reading) => `r with a_p, ${readingNames[reading]}`),
  ];
  const gain = `${options.gain} minus that of ${armName(differences.axis, differences.baseline)}`;
  const ranks = promises.map(
    (reading) => `${readingNames[reading]} ${decimals(rank[reading].value, 2)}`,
  );
  const known = found.filter(({ promised }) => promised.pooled !== null).length;
  // Two arms always have a rank correlation of 1 or -1.
  const rankNote =
    known < 3
      ? ""
      : ` Spearman of correlation and gain over the ${known} arms: ${ranks.join("; ")}.`;
  return withCaption(
    markdownTable([...heading, gain, "by seed"], rows),
    `${surrogatesCaption(page, options.of, differences, false)}${rankNote}`,
  );
};

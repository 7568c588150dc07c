/** The verdict of a comparison: as strong as its intervals and p-values, and no stronger. */
import type { Comparison } from "./comparisons.ts";
import { type ArmContrast, directionOf } from "./contrast.ts";
import { rangeText, signedText } from "./numberText.ts";

/** Sentences about the primary contrasts, or about every one in `a`; none where there is nothing to compare. */
export const verdictOf = ({
  contrasts,
  metric,
  baseline,
  sets,
}: Comparison): ReadonlyArray<string> => {
  const primary = contrasts.filter(({ isPrimary }) => isPrimary);
  const own = primary.length > 0 ? primary : contrasts.filter((each) => each.metric === metric);
  if (own.length === 0) return [];
  const [up, down, open] = ([1, -1, 0] as const).map((direction) =>
    own.filter((each) => directionOf(each) === direction),
  ) as [Array<ArmContrast>, Array<ArmContrast>, Array<ArmContrast>];
  const against = sets.length > 1 ? `From ${baseline} to ${sets[1]?.run}` : `Against ${baseline}`;
  const parts = [
    ...(up.length === 0
      ? []
      : [`${listed(up)} ${up.length === 1 ? "gains" : "gain"} in ${metric}`]),
    ...(down.length === 0
      ? []
      : [`${listed(down)} ${down.length === 1 ? "loses" : "lose"} in ${metric}`]),
    ...(open.length === 0 ? [] : [`no difference in ${metric} is shown for ${listed(open)}`]),
  ];
  return [`${against}, ${parts.join("; ")}.`, basisOf(own)];
};

const listed = (contrasts: ReadonlyArray<ArmContrast>): string => {
  const texts = contrasts.map(
    ({ arm, value, range }) =>
      `${arm} (${signedText(value)}${range === undefined ? "" : ` ${rangeText(range)}`})`,
  );
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
};

/** A sentence on the population of the intervals, and on when a difference counts as shown. */
const basisOf = (contrasts: ReadonlyArray<ArmContrast>): string => {
  const runs = Math.min(...contrasts.map((each) => each.runs));
  const instances = Math.min(...contrasts.map((each) => each.instances));
  const cover =
    runs === 1
      ? `One seed: the 95 % intervals are over ${instances} test instances for the models that were trained here, and another training may turn the order.`
      : `The 95 % intervals are over ${runs} seeds and ${instances} test instances, paired by seed and picture.`;
  if (contrasts.length === 1) return cover;
  return contrasts.some(({ pHolm }) => pHolm !== null)
    ? `${cover} A difference counts as shown if Holm's p-value over these ${contrasts.length} contrasts is below .05.`
    : `${cover} Each of the ${contrasts.length} intervals is a 95 % interval by itself.`;
};

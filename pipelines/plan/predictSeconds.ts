/**
 * Predicts how long a stage takes: a fixed cost plus a cost for each unit of its work, both from earlier runs. The range is
 * as wide as earlier predictions were wrong: each earlier time is predicted from those before it, and the logarithms of the
 * ratios give the scale of a Student distribution (a conjugate prior stands in while there are few). All times are taken `jitter`
 * longer there, so that short stages get a range of absolute width.
 */
import { studentQuantile } from "../../stats/studentT.ts";

/** One earlier run of the stage. */
export interface PastTime {
  /** Units of work, such as training steps; 1 where the stage counts none. */
  readonly work: number;
  readonly seconds: number;
  /** The part that does not grow with the work, where the run measured it. */
  readonly fixedSeconds?: number;
}

/** Seconds, with the ends of a range that holds nine times in ten. */
export interface Prediction {
  readonly seconds: number;
  readonly low: number;
  readonly high: number;
}

interface Pace {
  readonly fixed: number;
  readonly perUnit: number;
  /** False where the parts are not known apart: then all the time counts as growing with the work. */
  readonly isSplit: boolean;
}

/** Share of runs that may fall outside the range. */
const outside = 0.1;
/** The prior: as much as three errors of a quarter. */
const priorCount = 3;
const priorScale = 0.25;
/** The newest runs, whose speed counts: a machine that others use is slower or faster for a while. */
const recent = 3;
/** Seconds that any stage may wait for a processor or a disk, however short its work: .1 s took .02 to .5 s on a busy machine. */
const jitter = 0.5;

/** `past` is newest first; undefined where it is empty. */
export const predictor = (
  past: ReadonlyArray<PastTime>,
): ((work: number) => Prediction) | undefined => {
  const pace = paceOf(past);
  if (pace === undefined) return undefined;
  const wrong = logErrors(past);
  const squares = wrong.reduce((sum, error) => sum + error ** 2, priorCount * priorScale ** 2);
  const degrees = priorCount + wrong.length;
  const scale = Math.sqrt((squares / degrees) * (1 + 1 / Math.min(past.length, recent)));
  const factor = Math.exp(studentQuantile(outside, degrees) * scale);
  const same = median(past.slice(0, recent).map(({ seconds }) => seconds)) ?? 0;
  return (work) => {
    const seconds = secondsAt(pace, work);
    // After runs with one amount of work, the time may just as well not depend on the work.
    const ends = pace.isSplit ? [seconds] : [seconds, same];
    return {
      seconds,
      low: Math.max(0, (Math.min(...ends) + jitter) / factor - jitter),
      high: (Math.max(...ends) + jitter) * factor - jitter,
    };
  };
};

const secondsAt = ({ fixed, perUnit }: Pace, work: number): number => fixed + perUnit * work;

const paceOf = (past: ReadonlyArray<PastTime>): Pace | undefined => {
  const fixed = median(past.slice(0, recent).flatMap(({ fixedSeconds }) => fixedSeconds ?? []));
  return fixed === undefined ? fittedPace(past) : paceWith(past, fixed, true);
};

/** The slope is the median of all pairs' (P. K. Sen, J. Am. Stat. Assoc. 63 (1968), 1379-1389): one odd run moves nothing. */
const fittedPace = (past: ReadonlyArray<PastTime>): Pace | undefined => {
  const slopes = past.flatMap((one, index) =>
    past
      .slice(index + 1)
      .filter(({ work }) => work !== one.work)
      .map((other) => (one.seconds - other.seconds) / (one.work - other.work)),
  );
  const slope = median(slopes);
  const fixed =
    slope === undefined
      ? 0
      : (median(past.map(({ work, seconds }) => seconds - Math.max(0, slope) * work)) ?? 0);
  return paceWith(past, Math.max(0, fixed), slope !== undefined);
};

const paceWith = (
  past: ReadonlyArray<PastTime>,
  fixed: number,
  isSplit: boolean,
): Pace | undefined => {
  const rates = past.flatMap(({ work, seconds }) =>
    work > 0 ? Math.max(0, seconds - fixed) / work : [],
  );
  const perUnit = median(rates.slice(0, recent));
  return perUnit === undefined ? undefined : { fixed, perUnit, isSplit };
};

/** Logarithms of actual over predicted seconds, each prediction from older times alone. */
const logErrors = (past: ReadonlyArray<PastTime>): ReadonlyArray<number> =>
  past.flatMap(({ work, seconds }, index) => {
    const pace = paceOf(past.slice(index + 1));
    return pace === undefined
      ? []
      : Math.log((seconds + jitter) / (secondsAt(pace, work) + jitter));
  });

export const median = (values: ReadonlyArray<number>): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
};

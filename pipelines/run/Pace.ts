/** Measures, from an attempt's own progress, how much of its time does not grow with its work. */
export class Pace {
  private unit: string | undefined;
  private first: Report | undefined;
  private last: Report | undefined;

  /** `at` is in seconds since any moment. */
  note({ unit, done, total }: Progress, at: number): void {
    if (unit !== this.unit) this.first = undefined;
    this.unit = unit;
    this.last = { done, total, at };
    this.first ??= this.last;
  }

  /** For an attempt of `seconds` that began at 0 units; undefined without two reports. */
  fixedSeconds(seconds: number): number | undefined {
    const { first, last } = this;
    if (first === undefined || last === undefined || last.done <= first.done) return undefined;
    const perUnit = (last.at - first.at) / (last.done - first.done);
    return Math.max(0, seconds - perUnit * last.total);
  }
}

interface Progress {
  readonly unit: string;
  readonly done: number;
  readonly total: number;
}

interface Report extends Omit<Progress, "unit"> {
  readonly at: number;
}

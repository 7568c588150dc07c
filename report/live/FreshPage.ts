/** A page that is made again when its source has changed, but not all the time: making it takes from the work that it shows. */

export interface MadePage {
  /** Pages with one version are equal. */
  readonly version: string;
  readonly text: string;
}

/** After a page was made, the pause before the next is as many times as long as the making: a quarter of a processor at most. */
const pauseRatio = 3;

export class FreshPage {
  private readonly versionNow: () => string;
  private readonly make: () => Promise<string>;
  private made: MadePage | undefined;
  private making: Promise<MadePage> | undefined;
  private dueAt = 0;

  constructor(versionNow: () => string, make: () => Promise<string>) {
    this.versionNow = versionNow;
    this.make = make;
  }

  /** The page as it is now, or as it was a short while ago. */
  get(): Promise<MadePage> {
    if (this.making !== undefined) return this.making;
    const version = this.versionNow();
    const { made } = this;
    const isGood =
      made !== undefined && (made.version === version || performance.now() < this.dueAt);
    if (isGood) return Promise.resolve(made);
    this.making = this.makeNow(version).finally(() => (this.making = undefined));
    return this.making;
  }

  /** The version is read before the page: the page is at least as new. */
  private async makeNow(version: string): Promise<MadePage> {
    const begun = performance.now();
    try {
      this.made = { version, text: await this.make() };
      return this.made;
    } finally {
      const ended = performance.now();
      this.dueAt = ended + pauseRatio * (ended - begun);
    }
  }
}

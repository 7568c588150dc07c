/** The data that the page's script reads. Types only: the script imports them, too. */

export interface PackedSamples {
  /** Reason codes in words. */
  readonly reasons: Readonly<Record<string, string>>;
  readonly examples: ReadonlyArray<PackedExample>;
  readonly arms: ReadonlyArray<PackedArm>;
}

export interface PackedExample {
  readonly id: string;
  readonly query: string;
  /** p*, JSON. */
  readonly perception: string;
  /** PNGs in base 64. */
  readonly picture: string;
  readonly clean: string | undefined;
}

export interface PackedArm {
  readonly name: string;
  readonly answers: ReadonlyArray<PackedAnswer>;
}

export interface PackedAnswer {
  /** Its place among the examples. */
  readonly example: number;
  /** Whether the caption is p*. */
  readonly caption: boolean;
  /** Whether the answer is right. */
  readonly answer: boolean;
  readonly reason: string | null;
  /** Null where the predictions are gone. */
  readonly response: string | null;
  /** The answer after a forced p*. */
  readonly forced: { readonly answer: boolean; readonly response: string } | null;
}

/** A number, or a sentence with the reason why it is undefined. NaN and infinities never leave `stats/`. */

export interface Undefined {
  readonly value: null;
  readonly reason: string;
}

export type Statistic = { readonly value: number; readonly reason: null } | Undefined;

export type Interval =
  | { readonly low: number; readonly high: number; readonly reason: null }
  | { readonly low: null; readonly high: null; readonly reason: string };

export const valued = (value: number): Statistic => ({ value, reason: null });

export const without = (reason: string): Undefined => ({ value: null, reason });

export const between = (low: number, high: number): Interval => ({ low, high, reason: null });

export const noInterval = (reason: string): Interval => ({ low: null, high: null, reason });

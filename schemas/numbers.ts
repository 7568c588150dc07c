/** Schemas of numbers: those without `Number` in their name are whole. */
import { Schema } from "effect";

/** 1, 2, … */
export const Positive = Schema.Int.check(Schema.isGreaterThan(0));
/** 0, 1, … */
export const NotNegative = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
/** 2, 3, … */
export const Several = Schema.Int.check(Schema.isGreaterThan(1));

export const PositiveNumber = Schema.Finite.check(Schema.isGreaterThan(0));
export const NotNegativeNumber = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0));
/** From 0 to 1. */
export const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));

/** Seed of pseudo-random numbers, from 0: NumPy's generators take no negative one. */
export const Seed = NotNegative;

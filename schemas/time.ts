/** Spans of time in experiments. */
import { Duration, Option, Schema, SchemaTransformation } from "effect";

const longest = Duration.days(365);

/** Checks the text, so that `message` answers a word that is no time as well as a time out of range. */
const between = (shortest: Duration.Duration, message: string) =>
  Schema.String.check(
    Schema.makeFilter(
      (text: string) =>
        Option.exists(
          Duration.fromInput(text as Duration.Input),
          (span) =>
            Duration.isGreaterThanOrEqualTo(span, shortest) &&
            Duration.isLessThanOrEqualTo(span, longest),
        ),
      { message, toJsonSchema: () => ({}) },
    ),
  ).pipe(Schema.decodeTo(Schema.Duration, SchemaTransformation.durationFromString));

/** `0 seconds` to a year. */
export const Pause = between(Duration.zero, "a time such as `1 second`, at most 365 days");

/** `1 millis` to a year. */
export const TimeLimit = between(
  Duration.millis(1),
  "a time such as `30 minutes`, from 1 millisecond to 365 days",
);

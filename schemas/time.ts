/** Spans of time in experiments. */
import { Duration, Schema } from "effect";

const longest = Duration.days(365);

const between = (shortest: Duration.Duration, message: string) =>
  Schema.DurationFromString.check(
    Schema.makeFilter(
      (span: Duration.Duration) =>
        Duration.isGreaterThanOrEqualTo(span, shortest) &&
        Duration.isLessThanOrEqualTo(span, longest),
      { message },
    ),
  );

/** `0 seconds` to a year. */
export const Pause = between(Duration.zero, "a time such as `1 second`, at most 365 days");

/** `1 millis` to a year. */
export const TimeLimit = between(
  Duration.millis(1),
  "a time such as `30 minutes`, from 1 millisecond to 365 days",
);

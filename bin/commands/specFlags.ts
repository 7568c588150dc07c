/** Argument and flags that the commands on experiments share. */
import { Argument, Flag } from "effect/cli";
import os from "node:os";

export const specArgument = Argument.String("experiment").pipe(
  Argument.withDescription("the experiment's YAML file"),
);

export const overrideFlags = {
  set: Flag.String("set").pipe(
    Flag.atLeast(0),
    Flag.withDescription("path=value: edit the experiment, such as model.steps=300 (repeatable)"),
  ),
  axis: Flag.String("axis").pipe(
    Flag.atLeast(0),
    Flag.withDescription("name=v1,v2: give an axis other values, by label or as YAML (repeatable)"),
  ),
};

export const choiceFlags = {
  only: Flag.String("only").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a node, or a stage with all its points: run only it and what it needs (repeatable)",
    ),
  ),
  force: Flag.String("force").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a node, or a stage with all its points: run it even if it is cached (repeatable)",
    ),
  ),
};

const mostJobs = 10_000;

export const jobsFlag = Flag.Int("jobs").pipe(
  Flag.withAlias("j"),
  Flag.withDefault(os.availableParallelism()),
  Flag.filter(
    (jobs) => jobs >= 1 && jobs <= mostJobs,
    () => `a whole number from 1 to ${mostJobs}`,
  ),
  Flag.withDescription("how many nodes run at a time; by default one for each processor"),
);

export const jsonFlag = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription("print JSON lines on stdout"),
);

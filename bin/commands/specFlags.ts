/** The argument and flags of every command that reads an experiment. */
import { Argument, Flag } from "effect/cli";
import os from "node:os";

export const specArgument = Argument.String("experiment").pipe(
  Argument.withDescription("the experiment's YAML file"),
);

export const overrideFlags = {
  set: Flag.String("set").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "path=value: an edit of the experiment, such as model.steps=300 (can be repeated)",
    ),
  ),
  axis: Flag.String("axis").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "name=v1,v2: other values for an axis, by label or as YAML (can be repeated)",
    ),
  ),
};

export const choiceFlags = {
  only: Flag.String("only").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a node, or a stage for all its points: nothing but it and what it needs (can be repeated)",
    ),
  ),
  force: Flag.String("force").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a stage or a node to make anew, whatever is known of it (can be repeated)",
    ),
  ),
};

export const jobsFlag = Flag.Int("jobs").pipe(
  Flag.withAlias("j"),
  Flag.withDefault(os.availableParallelism()),
  Flag.filter(
    (jobs) => jobs >= 1,
    () => "a number from 1 up",
  ),
  Flag.withDescription("how many nodes run at a time; by default one a processor"),
);

export const jsonFlag = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription("JSON lines on stdout, for programs"),
);

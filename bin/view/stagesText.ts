/** The stages with their code, a line each, with differences from the lock file below. */
import { shortDigest } from "../../schemas/Digest.ts";
import type { LockedStage } from "../../stages/code/Lock.ts";
import type { Closure, CodeReview } from "../../stages/code/review.ts";
import type { Stage } from "../../stages/Stage.ts";
import { padEnd, type Style } from "../../kinds/terminal.ts";

export interface ReviewedStage extends CodeReview {
  readonly stage: Stage;
  readonly closure: Closure;
  readonly locked: LockedStage | undefined;
}

export const stagesText = (stages: ReadonlyArray<ReviewedStage>, style: Style): string => {
  const widest = Math.max(...stages.map(({ stage }) => stage.name.length));
  const lines = stages.flatMap((each) => [
    [
      style.bold(padEnd(each.stage.name, widest)),
      `version ${each.stage.version}`,
      shortDigest(each.closure.digest),
      each.state === "recorded" ? style.green("recorded") : style.yellow(stateText(each)),
    ].join("  "),
    ...each.changes.map(({ name, change }) => style.dim(`    ${padEnd(change, 7)} ${name}`)),
  ]);
  const open = stages.filter(({ state }) => state !== "recorded").map(({ stage }) => stage.name);
  if (open.length > 0) lines.push("", affirmHint(open));
  return lines.join("\n");
};

const stateText = ({ state, locked }: ReviewedStage): string => {
  switch (state) {
    case "recorded":
    case "changed":
      return state;
    case "raised":
    case "lowered":
      return `${state} from version ${locked?.version}`;
    case "new":
      return "not recorded";
  }
};

/** How to record stages whose code differs from the lock file. */
export const affirmHint = (names: ReadonlyArray<string>): string =>
  [
    "Until their code is recorded, results of these stages have separate keys. If the output changes, raise `version` in",
    "the stage's file. Then, or if the output stays the same, record the code:",
    `  npx pipe stages affirm ${names.join(" ")} --reason "…"`,
  ].join("\n");

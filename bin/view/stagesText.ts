/** The stages with their code, a line each, and below a stage what is not as recorded. */
import { shortDigest } from "../../schemas/Digest.ts";
import type { LockedStage } from "../../stages/code/Lock.ts";
import type { Closure, CodeReview } from "../../stages/code/review.ts";
import type { Stage } from "../../stages/Stage.ts";
import { padEnd } from "./format.ts";
import type { Style } from "./style.ts";

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
      each.state === "recorded" ? style.green("recorded") : style.yellow(said(each)),
    ].join("  "),
    ...each.changes.map(({ name, change }) => style.dim(`    ${padEnd(change, 7)} ${name}`)),
  ]);
  const open = stages.filter(({ state }) => state !== "recorded").map(({ stage }) => stage.name);
  if (open.length > 0) lines.push("", whatToDo(open));
  return lines.join("\n");
};

const said = ({ state, locked }: ReviewedStage): string => {
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

/** What settles stages whose code is not as recorded. */
export const whatToDo = (names: ReadonlyArray<string>): string =>
  [
    "Until this is settled their results are kept under keys of their own. If the output is another one, raise `version`",
    "in the stage's file. Then, or if the output stays the same, record it:",
    `  npx pipe stages affirm ${names.join(" ")} --reason "…"`,
  ].join("\n");

/** The artifacts that a run keeps from `pipe gc`: those of its plan's recipes, those cached when it began, those it links. */
import fs from "node:fs";
import path from "node:path";
import type { RunRoot } from "../../cache/chooseGoing.ts";
import { namesIn } from "../../cache/diskUse.ts";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { begunMillis } from "./RunHistory.ts";
import { readRunPlan } from "./RunPlan.ts";
import { isRunAlive } from "./RunRecord.ts";

/** A run with an unreadable plan still keeps the artifacts that it links. */
export const readRunRoot = (home: string, run: string): RunRoot => {
  const { links } = RunDirectory.of(home, run);
  const nodes = readRunPlan(home, run)?.nodes ?? [];
  const cached = nodes.flatMap((node) => (node.cached === undefined ? [] : [node.cached]));
  const linked = namesIn(links).map((name) => path.basename(fs.readlinkSync(`${links}/${name}`)));
  return {
    run,
    begunAt: begunMillis(home, run),
    lives: isRunAlive(home, run),
    recipes: new Set(nodes.map(({ recipe }) => recipe)),
    artifacts: new Set([...cached, ...linked]),
  };
};

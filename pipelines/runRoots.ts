/** What runs keep in the store: what their plans ask for, what they found there, and what they link to. */
import fs from "node:fs";
import path from "node:path";
import type { RunRoot } from "../cache/chooseGoing.ts";
import { namesIn } from "../cache/diskUse.ts";
import { readRunPlan, runLives } from "./RunRecord.ts";

export const runNames = (home: string): ReadonlyArray<string> => namesIn(path.join(home, "runs"));

/** A run whose plan can't be read still keeps what it links to. */
export const readRunRoot = (home: string, run: string): RunRoot => {
  const directory = path.join(home, "runs", run);
  const links = path.join(directory, "artifacts");
  const nodes = readRunPlan(home, run)?.nodes ?? [];
  const cached = nodes.flatMap((node) => (node.cached === undefined ? [] : [node.cached]));
  const linked = namesIn(links).map((name) => path.basename(fs.readlinkSync(`${links}/${name}`)));
  const begun = fs.statSync(path.join(directory, "plan.json"), { throwIfNoEntry: false });
  return {
    run,
    begunAt: begun?.mtimeMs ?? 0,
    lives: runLives(home, run),
    recipes: new Set(nodes.map(({ recipe }) => recipe)),
    artifacts: new Set([...cached, ...linked]),
  };
};

/** What runs keep in the store: what their plans ask for, what they found there, and what they link to. */
import fs from "node:fs";
import path from "node:path";
import type { RunRoot } from "../cache/chooseGoing.ts";
import { namesIn } from "../cache/diskUse.ts";
import { begunMillis } from "./RunHistory.ts";
import { readRunPlan, runLives } from "./RunRecord.ts";

/** A run whose plan can't be read still keeps what it links to. */
export const readRunRoot = (home: string, run: string): RunRoot => {
  const links = path.join(home, "runs", run, "artifacts");
  const nodes = readRunPlan(home, run)?.nodes ?? [];
  const cached = nodes.flatMap((node) => (node.cached === undefined ? [] : [node.cached]));
  const linked = namesIn(links).map((name) => path.basename(fs.readlinkSync(`${links}/${name}`)));
  return {
    run,
    begunAt: begunMillis(home, run),
    lives: runLives(home, run),
    recipes: new Set(nodes.map(({ recipe }) => recipe)),
    artifacts: new Set([...cached, ...linked]),
  };
};

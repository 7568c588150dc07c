/**
 * A run on disk, `runs/<name>/`: the experiment as it was, the plan, the event log, and links to what it made.
 *
 * Names count up per experiment (`sft-lambda-3`), so that a person can say one aloud.
 */
import { Effect, Option, Schema } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileName } from "../cache/fileName.ts";
import { OwnerLock, seemsAlive } from "../cache/OwnerLock.ts";
import { storeTrouble } from "../cache/StoreTrouble.ts";
import { ArtifactKind } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { Event } from "../schemas/Event.ts";
import type { Node } from "./Compile.ts";
import type { Plan } from "./Plan.ts";

/** `plan.json` of a run. */
export const RunPlan = Schema.Struct({
  run: Schema.String,
  experiment: Schema.String,
  spec: Schema.String,
  overrides: Schema.Array(Schema.String),
  nodes: Schema.Array(
    Schema.Struct({
      node: Schema.String,
      stageName: Schema.String,
      stage: Schema.String,
      kind: ArtifactKind,
      labels: Schema.Record(Schema.String, Schema.String),
      recipe: Schema.String,
      /** The artifact of a node that was there before the run began. */
      cached: Schema.optionalKey(Schema.String),
    }),
  ),
});
export interface RunPlan extends Schema.Schema.Type<typeof RunPlan> {}

export interface RunRecord {
  readonly name: string;
  readonly directory: string;
  readonly append: (event: Event) => void;
  /** Under a second name, so that it stays when the attempt's directory goes; of several attempts the last. */
  readonly keepLog: (node: Node, log: string) => void;
  readonly link: (node: Node, artifact: Digest) => void;
  readonly close: () => void;
}

interface Begin {
  readonly home: string;
  readonly plan: Plan;
  readonly spec: { readonly file: string; readonly text: string };
  readonly overrides: ReadonlyArray<string>;
}

export const beginRun = ({ home, plan, spec, overrides }: Begin) =>
  Effect.try({
    try: (): RunRecord => {
      const owner = randomUUID();
      const lock = new OwnerLock(ownerFile(home, owner));
      // A run has its name when it is whole and its process is known to live: nobody ever sees one half made.
      const incoming = path.join(home, "incoming", owner);
      for (const part of ["artifacts", "logs"])
        fs.mkdirSync(path.join(incoming, part), { recursive: true });
      fs.writeFileSync(path.join(incoming, "experiment.yaml"), spec.text);
      fs.writeFileSync(path.join(incoming, "owner"), owner);
      const nodes = plan.nodes.map(({ node, recipe, status, found }) => ({
        node: node.name,
        stageName: node.stageName,
        stage: node.stage.name,
        kind: node.stage.output,
        labels: node.labels,
        recipe,
        ...(status === "cached" && found !== undefined ? { cached: found.artifact } : {}),
      }));
      const { experiment } = plan;
      const name = claimName(path.join(home, "runs"), experiment, incoming, (run) => {
        const runPlan: RunPlan = { run, experiment, spec: spec.file, overrides, nodes };
        fs.writeFileSync(path.join(incoming, "plan.json"), `${JSON.stringify(runPlan)}\n`);
      });
      const directory = path.join(home, "runs", name);
      const events = fs.openSync(path.join(directory, "events.jsonl"), "a");
      return {
        name,
        directory,
        append: (event) => void fs.writeSync(events, `${JSON.stringify(event)}\n`),
        keepLog: (node, log) => {
          if ((fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
          const kept = `${directory}/logs/${fileName(node.name)}.log`;
          fs.rmSync(kept, { force: true });
          fs.linkSync(log, kept);
        },
        link: (node, artifact) => {
          const target = `../../../trees/${artifact}`;
          try {
            fs.symlinkSync(target, `${directory}/artifacts/${fileName(node.name)}`);
          } catch {
            // What is committed is made, also where a link to it can't be.
          }
        },
        close: () => {
          fs.closeSync(events);
          lock.release();
        },
      };
    },
    catch: storeTrouble("the run can't be written down"),
  });

const ownerFile = (home: string, owner: string) => path.join(home, "owners", owner);

/** Whether the process of a run is still at it. */
export const runLives = (home: string, run: string): boolean => {
  const named = path.join(home, "runs", run, "owner");
  return fs.existsSync(named) && seemsAlive(ownerFile(home, fs.readFileSync(named, "utf8")));
};

/** A rename onto a directory that holds something fails: of two runs that begin at once, each gets a number of its own. */
const claimName = (
  runs: string,
  experiment: string,
  incoming: string,
  write: (name: string) => void,
): string => {
  const taken = fs.readdirSync(runs).flatMap((name) => {
    const number = name.startsWith(`${experiment}-`)
      ? Number(name.slice(experiment.length + 1))
      : Number.NaN;
    return Number.isInteger(number) ? [number] : [];
  });
  for (let number = Math.max(0, ...taken) + 1; ; number += 1) {
    const name = `${experiment}-${number}`;
    write(name);
    try {
      fs.renameSync(incoming, path.join(runs, name));
      return name;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ENOTEMPTY", "EEXIST"].includes(code)) throw error;
    }
  }
};

const decodePlan = Schema.decodeUnknownOption(Schema.fromJsonString(RunPlan));

/**
 * The plan of a run that was begun; undefined where there is no such run, or none that can be read. The run goes by the
 * name that it has now, be it that somebody has renamed it.
 */
export const readRunPlan = (home: string, run: string): RunPlan | undefined => {
  const file = path.join(home, "runs", run, "plan.json");
  if (!fs.existsSync(file)) return undefined;
  const plan = Option.getOrUndefined(decodePlan(fs.readFileSync(file, "utf8")));
  return plan === undefined ? undefined : { ...plan, run };
};

/** The layout of a run on disk, `runs/<name>/`. */
import path from "node:path";
import { fileName } from "./fileName.ts";

export class RunDirectory {
  readonly path: string;

  constructor(directory: string) {
    this.path = directory;
  }

  /** The directory that holds every run of a store. */
  static all(home: string): string {
    return path.join(home, "runs");
  }

  static of(home: string, run: string): RunDirectory {
    return new RunDirectory(path.join(RunDirectory.all(home), run));
  }

  /** The experiment's text when the run began. */
  get spec(): string {
    return path.join(this.path, "experiment.yaml");
  }

  get plan(): string {
    return path.join(this.path, "plan.json");
  }

  get events(): string {
    return path.join(this.path, "events.jsonl");
  }

  /** Holds the name of the owner lock that the run's process keeps. */
  get owner(): string {
    return path.join(this.path, "owner");
  }

  /** The directory of links to artifacts, one for each node. */
  get links(): string {
    return path.join(this.path, "artifacts");
  }

  linkOf(node: string): string {
    return path.join(this.links, fileName(node));
  }

  /** The directory of logs. */
  get logs(): string {
    return path.join(this.path, "logs");
  }

  /** The log of the last attempt at a node. */
  logOf(node: string): string {
    return path.join(this.logs, `${fileName(node)}.log`);
  }
}

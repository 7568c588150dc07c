/** Everything that a report shows, read from the event log and the artifacts of its runs. */
import type { ScoreLine } from "../kinds/Scores.ts";
import type { NodeState } from "../pipelines/history/NodeState.ts";
import type { RunState } from "../pipelines/history/RunHistory.ts";
import type { NodeNumbers } from "../pipelines/history/runNumbers.ts";

export type Labels = Readonly<Record<string, string>>;

export interface ReportData {
  /** One run, or two to compare. */
  readonly runs: ReadonlyArray<RunData>;
  /** The examples that the runs' models answered, by data set and id, in the order of the data sets. */
  readonly examples: ReadonlyMap<string, Example>;
}

export interface RunData {
  readonly run: string;
  readonly experiment: string;
  readonly description: string | undefined;
  readonly state: RunState;
  /** When it began, UTC in ISO 8601, and how long it took; undefined in a bundle, whose page has no times. */
  readonly took: { readonly begun: string; readonly seconds: number } | undefined;
  /** The experiment's file and its text when the run began. */
  readonly spec: { readonly file: string; readonly text: string };
  /** Commands that repeat the run and read its results. */
  readonly commands: ReadonlyArray<string>;
  readonly nodes: ReadonlyArray<NodeData>;
  readonly attempts: ReadonlyArray<Attempt>;
  /** Which stages take which as an input; empty where this version of pipe can't compile the experiment. */
  readonly wiring: ReadonlyArray<StageLink>;
  readonly numbers: ReadonlyArray<SourcedNumbers>;
  readonly trainings: ReadonlyArray<Training>;
  readonly points: ReadonlyArray<ScoredPoint>;
  readonly splits: ReadonlyArray<SplitFacts>;
  /** Warnings of its stages, with the nodes that gave them. */
  readonly messages: ReadonlyArray<{
    readonly message: string;
    readonly nodes: ReadonlyArray<string>;
  }>;
  readonly nondeterministic: ReadonlyArray<string>;
  /** Facts about the machines that made its artifacts, each with every value. */
  readonly environment: ReadonlyArray<{
    readonly name: string;
    readonly values: ReadonlyArray<string>;
  }>;
}

/** Numbers with the nodes that they are computed from. */
export interface SourcedNumbers extends NodeNumbers {
  readonly from: ReadonlyArray<{ readonly labels: Labels; readonly node: string }>;
}

export interface StageLink {
  readonly from: string;
  readonly to: string;
}

export interface NodeData extends NodeState {
  readonly node: string;
  readonly stageName: string;
  readonly stage: string;
  readonly labels: Labels;
  /** Absent where the run has no artifact of it. */
  readonly digest?: string;
  /** How long its artifact took to make, in this run or an earlier one. */
  readonly wallSeconds?: number;
  /** The last lines of a failed attempt's log. */
  readonly logTail: ReadonlyArray<string>;
  /** The command that runs this node again. */
  readonly again: string;
}

/** One try at a node, in seconds since the run began. */
export interface Attempt {
  readonly node: string;
  readonly stageName: string;
  readonly from: number;
  readonly to: number;
  readonly end: "made" | "failed" | "interrupted" | "running";
}

/** The metrics of a training, step by step; of one that goes on or was ended early, those that it reported. */
export interface Training {
  readonly node: string;
  readonly stageName: string;
  readonly labels: Labels;
  /** Whether it came to its end and left a model. */
  readonly isWhole: boolean;
  readonly steps: ReadonlyArray<{
    readonly step: number;
    readonly values: Readonly<Record<string, number>>;
  }>;
}

/** A model's answers to examples, each with its verdict. */
export interface ScoredPoint {
  readonly node: string;
  readonly labels: Labels;
  readonly answers: ReadonlyArray<Answer>;
}

export interface Answer extends ScoreLine {
  readonly instance: string;
  /** The key of its example. */
  readonly example: string;
  /** Undefined where the predictions are gone. */
  readonly response: string | undefined;
}

export interface Example {
  readonly key: string;
  readonly id: string;
  readonly task: string;
  readonly query: string;
  /** The oracle caption p*, JSON. */
  readonly perception: string;
  /** A PNG. */
  readonly picture: Uint8Array;
  /** The same picture without noise; undefined where it is the same or can't be drawn. */
  readonly clean: Uint8Array | undefined;
}

/** The instances of an answered split: a picture may show one that another picture shows, too. */
export interface SplitFacts {
  readonly dataset: string;
  readonly split: string;
  readonly pictures: number;
  readonly instances: number;
}

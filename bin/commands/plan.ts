import { Console, Effect, Option } from "effect";
import { Command, Flag } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { lastFailures } from "../../pipelines/history/lastFailures.ts";
import { plan } from "../../pipelines/plan/Plan.ts";
import type { Prediction } from "../../pipelines/plan/predictSeconds.ts";
import { estimateCost } from "../../pipelines/plan/CostEstimate.ts";
import { estimateTime } from "../../pipelines/plan/TimeEstimate.ts";
import { gpuNames } from "../../stages/cost/Machine.ts";
import { explain } from "../../pipelines/plan/Explainer.ts";
import { costJson } from "../view/costText.ts";
import { renderNote } from "../view/diagnostics.ts";
import { planText, reasonText } from "../view/planText.ts";
import { styleFor } from "../view/style.ts";
import { Exit } from "../UsageError.ts";
import { loadSpec, project, selectGraph, storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { becauseJson, causeJson } from "../view/whyJson.ts";
import { printText } from "../view/printText.ts";
import { choiceFlags, jobsFlag, jsonFlag, overrideFlags, specArgument } from "./specFlags.ts";

const workIsDue = 10;

const rangeOf = (prediction: Prediction | undefined) =>
  prediction === undefined ? null : [prediction.low, prediction.high];

export const planCommand = Command.make(
  "plan",
  {
    experiment: specArgument,
    ...overrideFlags,
    ...choiceFlags,
    jobs: jobsFlag,
    gpu: Flag.Literals("gpu", gpuNames).pipe(
      Flag.withDefault("H200"),
      Flag.withDescription("the GPU that costs are estimated for"),
    ),
    tokens: Flag.Int("tokens").pipe(
      Flag.filter(
        (tokens) => tokens >= 1,
        () => "a whole number from 1",
      ),
      Flag.optional,
      Flag.withDescription(
        "mean tokens of a response, for the estimate of costs; by default as many as allowed",
      ),
    ),
    json: jsonFlag,
    check: Flag.Boolean("check").pipe(
      Flag.withDefault(false),
      Flag.withDescription("exit with code 10 when nodes are due"),
    ),
  },
  Effect.fn("pipe plan")(function* (options) {
    const { experiment, set, axis, only, force, jobs, gpu, tokens, json, check } = options;
    const loaded = yield* loadSpec(experiment, { set, axis });
    const { graph, forced } = yield* selectGraph(loaded.graph, { only, force });
    const { planned, explanations, prediction, cost, failures } = yield* Effect.gen(function* () {
      const planned = yield* plan(graph, project(), forced);
      const explanations = yield* explain(planned, new Set(graph.nodes));
      const due = planned.nodes.filter(({ status }) => status !== "cached");
      const failures = yield* lastFailures(due);
      const prediction = yield* estimateTime(planned, jobs);
      const assumptions = { gpu, responseTokens: Option.getOrUndefined(tokens) };
      const cost = yield* estimateCost(planned, assumptions, prediction.secondsOf);
      return { planned, explanations, prediction, cost, failures };
    }).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
      Effect.provide(PythonEnvironment.layer),
    );
    if (json) {
      for (const note of planned.notes)
        yield* Console.error(renderNote(note, styleFor(process.stderr)));
      for (const { node, recipe, status, because, found } of planned.nodes) {
        const artifact = found === undefined ? {} : { artifact: found.artifact };
        const causes = explanations.get(node)?.causes;
        process.stdout.write(
          jsonLine({
            node: node.name,
            stage: node.stage.name,
            labels: node.labels,
            recipe,
            status,
            reason: reasonText(because),
            because: becauseJson(because),
            ...artifact,
            ...(causes === undefined
              ? {}
              : {
                  causes: causes.map(causeJson),
                  predictedSeconds: prediction.secondsOf.get(node)?.seconds ?? null,
                  lastFailure: failures.get(node) ?? null,
                  predictedRange: rangeOf(prediction.secondsOf.get(node)),
                  cost: costJson(node, cost),
                }),
          }),
        );
      }
    } else
      yield* printText(
        planText(
          { plan: planned, explanations, prediction, cost, failures, jobs },
          styleFor(process.stdout),
        ),
      );
    if (check && planned.nodes.some((node) => node.status !== "cached"))
      return yield* new Exit({ code: workIsDue });
  }),
).pipe(Command.withDescription("Show what a run would make, and why; makes nothing"));

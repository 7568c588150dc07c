import { Console, Effect } from "effect";
import { Command, Flag } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { plan } from "../../pipelines/Plan.ts";
import { predict } from "../../pipelines/Prediction.ts";
import { explain } from "../../pipelines/Why.ts";
import { planText, reasonText } from "../view/planText.ts";
import { styleFor } from "../view/style.ts";
import { Exit } from "../UsageError.ts";
import { choose, loadSpec, project, storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { becauseJson, causeJson } from "../view/whyJson.ts";
import { choiceFlags, jobsFlag, jsonFlag, overrideFlags, specArgument } from "./specFlags.ts";

const workIsDue = 10;

export const planCommand = Command.make(
  "plan",
  {
    experiment: specArgument,
    ...overrideFlags,
    ...choiceFlags,
    jobs: jobsFlag,
    json: jsonFlag,
    check: Flag.Boolean("check").pipe(
      Flag.withDefault(false),
      Flag.withDescription("exit 10 when there is work to do"),
    ),
  },
  Effect.fn("pipe plan")(function* ({ experiment, set, axis, only, force, jobs, json, check }) {
    const loaded = yield* loadSpec(experiment, { set, axis });
    const { graph, forced } = yield* choose(loaded.graph, { only, force });
    const { planned, explanations, prediction } = yield* Effect.gen(function* () {
      const planned = yield* plan(graph, project(), forced);
      const explanations = yield* explain(planned, new Set(graph.nodes));
      return { planned, explanations, prediction: yield* predict(planned, jobs) };
    }).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
      Effect.provide(PythonEnvironment.layer),
    );
    if (json) {
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
                  predictedSeconds: prediction.secondsOf.get(node.stageName) ?? null,
                }),
          }),
        );
      }
    } else
      yield* Console.log(
        planText({ plan: planned, explanations, prediction, jobs }, styleFor(process.stdout)),
      );
    if (check && planned.nodes.some((node) => node.status !== "cached"))
      return yield* new Exit({ code: workIsDue });
  }),
).pipe(Command.withDescription("Show what a run would make, and why; makes nothing"));

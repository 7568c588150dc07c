import { Console, Effect } from "effect";
import { Command, Flag } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { plan } from "../../pipelines/Plan.ts";
import { planText } from "../view/planText.ts";
import { styleFor } from "../view/style.ts";
import { Exit } from "../UsageError.ts";
import { loadSpec, project, storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { jsonFlag, overrideFlags, specArgument } from "./specFlags.ts";

const workIsDue = 10;

export const planCommand = Command.make(
  "plan",
  {
    experiment: specArgument,
    ...overrideFlags,
    json: jsonFlag,
    check: Flag.Boolean("check").pipe(
      Flag.withDefault(false),
      Flag.withDescription("exit 10 when there is work to do"),
    ),
  },
  Effect.fn("pipe plan")(function* ({ experiment, set, axis, json, check }) {
    const { graph } = yield* loadSpec(experiment, { set, axis });
    const planned = yield* plan(graph, project()).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
      Effect.provide(PythonEnvironment.layer),
    );
    if (json) {
      for (const { node, recipe, status, reason, hit } of planned.nodes) {
        const artifact = hit === undefined ? {} : { artifact: hit.artifact.digest };
        process.stdout.write(
          jsonLine({
            node: node.name,
            stage: node.stage.name,
            labels: node.labels,
            recipe,
            status,
            reason,
            ...artifact,
          }),
        );
      }
    } else yield* Console.log(planText(planned, styleFor(process.stdout)));
    if (check && planned.nodes.some((node) => node.status !== "cached"))
      return yield* new Exit({ code: workIsDue });
  }),
).pipe(Command.withDescription("Show what a run would make, and why; makes nothing"));

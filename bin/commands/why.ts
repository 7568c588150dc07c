import { Effect } from "effect";
import { Argument, Command } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { madeBy } from "../../cache/History.ts";
import { plan, type Plan } from "../../pipelines/plan/Plan.ts";
import { lastFailures } from "../../pipelines/history/lastFailures.ts";
import { explain } from "../../pipelines/plan/Explainer.ts";
import { pathFromCause } from "../../pipelines/plan/Explanation.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { styleFor } from "../view/style.ts";
import { becauseJson, causeJson, madeJson } from "../view/whyJson.ts";
import { type Answer, type DueAnswer, whyText } from "../view/whyText.ts";
import { printText } from "../view/printText.ts";
import { findNodes, loadSpec, project, selectGraph, storeHome } from "./project.ts";
import { choiceFlags, jsonFlag, overrideFlags, specArgument } from "./specFlags.ts";

export const whyCommand = Command.make(
  "why",
  {
    experiment: specArgument,
    node: Argument.String("node").pipe(
      Argument.withDescription("a node, such as 'model[seed=0]', or a stage with all its points"),
    ),
    ...overrideFlags,
    ...choiceFlags,
    json: jsonFlag,
  },
  Effect.fn("pipe why")(function* ({ experiment, node: name, set, axis, only, force, json }) {
    const loaded = yield* loadSpec(experiment, { set, axis });
    const { graph, forced } = yield* selectGraph(loaded.graph, { only, force });
    const targets = yield* findNodes(graph, "NODE", [name]);
    const answers = yield* Effect.gen(function* () {
      const planned = yield* plan(graph, project(), forced);
      return yield* explainNodes(planned, targets);
    }).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
      Effect.provide(PythonEnvironment.layer),
    );
    if (json) for (const answer of answers) process.stdout.write(jsonLine(answerJson(answer)));
    else yield* printText(whyText(answers, styleFor(process.stdout)));
  }),
).pipe(
  Command.withDescription(
    "Explain why a node is due, root cause first; or how it was found and which run made it",
  ),
  Command.withExamples([
    {
      command: "pipe why experiments/sft-lambda.yaml table --set model.steps=800",
      description: "why the table would be rerun",
    },
  ]),
);

const explainNodes = Effect.fnUntraced(function* (
  planned: Plan,
  targets: Parameters<typeof explain>[1],
) {
  const store = yield* Store;
  const explanations = yield* explain(planned, targets);
  const nodes = planned.nodes.filter(({ node }) => targets.has(node));
  const failures = yield* lastFailures(nodes.filter(({ status }) => status !== "cached"));
  return yield* store.query((index) =>
    nodes.map((target): Answer => {
      const explanation = explanations.get(target.node);
      if (explanation === undefined) {
        const action = target.found === undefined ? undefined : index.action(target.found.id);
        return {
          planned: target,
          ...(action === undefined ? {} : { made: madeBy(index, action) }),
        };
      }
      const causes = explanation.causes.map((cause) => {
        const way = pathFromCause(cause, explanation);
        const against = way[0]?.explanation.against?.action;
        return {
          cause,
          way,
          ...(against === undefined ? {} : { against: madeBy(index, against) }),
        };
      });
      const failure = failures.get(target.node);
      return {
        planned: target,
        explanation,
        causes,
        ...(failure === undefined ? {} : { failure }),
      };
    }),
  );
});

const answerJson = (answer: Answer) => {
  const { node, recipe, status, because, found } = answer.planned;
  return {
    node: node.name,
    stage: node.stage.name,
    labels: node.labels,
    recipe,
    status,
    because: becauseJson(because),
    ...("causes" in answer ? dueJson(answer) : {}),
    ...("made" in answer && answer.made !== undefined
      ? { artifact: found?.artifact, made: madeJson(answer.made) }
      : {}),
  };
};

const dueJson = ({ causes, explanation, failure }: DueAnswer) => ({
  lastFailure: failure ?? null,
  causes: causes.map(({ cause, way, against }) => ({
    ...causeJson(cause),
    way: way.map(({ explanation: { planned }, input }) => ({
      node: planned.node.name,
      ...(input === undefined ? {} : { input }),
    })),
    ...(against === undefined ? {} : { against: madeJson(against) }),
  })),
  moreCauses: explanation.more,
});

/** The numbers of a run: its tables and correlations, and the nodes whose results are not reproducible. */
import { Effect } from "effect";
import { severalAnswers } from "../../cache/History.ts";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { Store } from "../../cache/Store.ts";
import { treeDirectory } from "../../cache/Trees.ts";
import type { Numbers } from "../../kinds/Kind.ts";
import { numbersIn } from "../../kinds/kinds.ts";
import { sampledModels } from "../../kinds/Model.ts";
import { nondeterministicNodes } from "./nondeterminism.ts";
import { artifactIn } from "./RunHistory.ts";
import type { RunPlanNode } from "./RunPlan.ts";

/** The part of a run plan that finding numbers needs. */
export interface NumberedRun {
  readonly run: string;
  readonly nodes: ReadonlyArray<Pick<RunPlanNode, "node" | "kind" | "recipe" | "cached">>;
}

export interface NodeNumbers {
  readonly node: string;
  readonly numbers: Numbers;
}

/** The tables and other numbers of a run, each with its node. */
export const numbersOfRun = Effect.fnUntraced(function* ({ run, nodes }: NumberedRun) {
  const { home, query } = yield* Store;
  return yield* query((index) =>
    nodes.flatMap((each): ReadonlyArray<NodeNumbers> => {
      const { node, kind, cached } = each;
      // Large runs have no links to what was cached.
      const directories = () => [
        RunDirectory.of(home, run).linkOf(node),
        treeDirectory(home, cached ?? ""),
      ];
      const numbers = numbersIn(kind, directories, () =>
        sampledModels(artifactIn(home, run, each) ?? "", (digest) => index.actionsOf(digest)[0]),
      );
      return numbers === undefined ? [] : [{ node, numbers }];
    }),
  );
});

export const nondeterministicIn = Effect.fnUntraced(function* ({ run, nodes }: NumberedRun) {
  const store = yield* Store;
  const answers = yield* store.query(severalAnswers);
  return nondeterministicNodes(nodes, answers, (node) => artifactIn(store.home, run, node));
});

/** The numbers of a run in the shape of `pipe table --json`, node by node. */
export const numbersAsJson = Effect.fnUntraced(function* (run: NumberedRun) {
  const nodes = yield* nondeterministicIn(run);
  const nondeterministic = nodes.length === 0 ? {} : { nondeterministic: nodes };
  const tables = yield* numbersOfRun(run);
  return tables.map(({ node, numbers }) => ({
    v: 1,
    run: run.run,
    node,
    ...numbers.json,
    ...nondeterministic,
  }));
});

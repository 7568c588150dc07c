/**
 * The sources that go along are the code that the keys speak of. A stage edited since is not bundled under the old code's name; of one
 * whose version was raised since, the code that ran is not at hand, which is said.
 */
import { Effect } from "effect";
import { recordedParts } from "../schemas/KeyParts.ts";
import { codeOf } from "../stages/codeIdentity.ts";
import { stages } from "../stages/stages.ts";
import { BundleRefused } from "./BundleRefused.ts";
import type { BundleRun } from "./format.ts";

export const checkCode = ({ nodes }: BundleRun): Effect.Effect<void, BundleRefused> => {
  const edited = nodes.find(({ stage, keyParts }) => {
    const here = stages.get(stage);
    const { version, code } = recordedParts(keyParts);
    return here?.version === version && code === undefined && !codeOf(here).recorded;
  });
  return edited === undefined
    ? Effect.void
    : Effect.fail(
        new BundleRefused({
          message: `${edited.node} was made by \`${edited.stage}\` as its version stands, and the code here is edited: a bundle would bring along other sources`,
          fix: "npx pipe stages says what changed; settle it there, or bundle from the commit that made the run",
        }),
      );
};

/** The stages that the run used in another version than goes along. */
export const otherVersions = ({ nodes }: BundleRun): ReadonlyArray<string> => {
  const other = nodes.flatMap(({ stage, keyParts }) => {
    const here = stages.get(stage)?.version;
    const { version } = recordedParts(keyParts);
    return version === here ? [] : [`${stage} ${version} → ${here ?? "none"}`];
  });
  return [...new Set(other)];
};

/**
 * Checks that the bundled sources are the code in the keys. A stage edited since the run is refused; stages whose version was raised since
 * are reported, because the code that ran is not here.
 */
import { Effect } from "effect";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { codeOf } from "../../stages/codeIdentity.ts";
import { stages } from "../../stages/stages.ts";
import { BundleRefused } from "../format/BundleRefused.ts";
import type { BundleRun } from "../format/format.ts";

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
          message: `\`${edited.stage}\`, which made ${edited.node}, was edited since: a bundle would hold other sources`,
          fix: "npx pipe stages lists the changes and how to record them; or bundle from the commit of the run",
        }),
      );
};

/** Stages with another version in the bundled sources: `generate 1 → 2`. */
export const otherVersions = ({ nodes }: BundleRun): ReadonlyArray<string> => {
  const other = nodes.flatMap(({ stage, keyParts }) => {
    const here = stages.get(stage)?.version;
    const { version } = recordedParts(keyParts);
    return version === here ? [] : [`${stage} ${version} → ${here ?? "none"}`];
  });
  return [...new Set(other)];
};

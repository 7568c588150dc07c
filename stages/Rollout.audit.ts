/** Audit of `rollout`: one step with a group for each example end to end, then a group for each from its caption. */
import { audit } from "./Audit.ts";
import { surrogateRules, verdictRules } from "./rewardRules.ts";
import { Rollout } from "./Rollout.ts";

export const rolloutAudit = audit(Rollout, {
  examples: ({ split, limit }) => ({ split, limit }),
  rollouts: ({ group, counterfactual, surrogates }, { ids }) => {
    const rewards = {
      "end-to-end": new Map([
        ...verdictRules,
        ...surrogates.flatMap((name) => surrogateRules[name]),
      ]),
      counterfactual: new Map(verdictRules),
    };
    return {
      step: (step) => (step === 0 ? "expected" : "unexpected"),
      missingStep: (seen) => (seen.has(0) ? undefined : 0),
      groups: ids && { atOnce: ids.length * (counterfactual > 0 ? 2 : 1), waves: 1 },
      samples: { "end-to-end": group, counterfactual },
      slot: (_, place) =>
        ids && {
          mode: place < ids.length ? "end-to-end" : "counterfactual",
          id: ids[place % ids.length]!,
        },
      rewards: (mode) => rewards[mode],
    };
  },
});

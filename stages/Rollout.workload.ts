/** The workload of `rollout`, without that of surrogates that ask another model. */
import { cacheBytes, forwardFlops, textBytes } from "./cost/costModel.ts";
import { knownRows, noRows } from "./cost/knownRows.ts";
import { meanResponse, noLength, noModel, promptTokens, workload } from "./cost/Workload.ts";
import { Rollout } from "./Rollout.ts";

export const rolloutWorkload = workload(Rollout, {
  of: (params, { model, maker, machine, responseTokens }) => {
    if (model === undefined) return noModel;
    const rows = knownRows(maker("data"), params);
    if (rows === undefined) return noRows;
    const response = meanResponse(params.max_tokens, responseTokens);
    if (response === undefined) return noLength;
    const tokens = rows * (params.group + params.counterfactual) * response;
    const prompt = promptTokens(model);
    const flops = forwardFlops(model, prompt + response);
    const number = machine.memory === undefined ? 4 : 2;
    const longest = prompt + (params.max_tokens ?? response);
    return {
      compute: { reading: rows * prompt * flops, writing: tokens * flops },
      tokens,
      memory: number * model.parameters + params.batch * longest * cacheBytes(model, number),
      disk: textBytes(tokens),
    };
  },
});

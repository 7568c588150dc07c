/** The workload of `pretrained`, which computes nothing; its model's size is what later stages depend on. */
import { shapeOfName, shapeOfSize } from "./cost/ModelShape.ts";
import { noModel, workload } from "./cost/Workload.ts";
import { Pretrained } from "./Pretrained.ts";

/** Most models of the Hub are in bfloat16. */
export const bytesPerWeight = 2;

export const pretrainedWorkload = workload(Pretrained, {
  shape: ({ parameters, repo, path }) =>
    parameters === null ? shapeOfName(repo ?? path ?? "") : shapeOfSize(parameters),
  of: (_, { model }) =>
    model === undefined
      ? noModel
      : { compute: {}, tokens: 0, memory: 0, disk: bytesPerWeight * model.parameters },
});

/** Every stage's audit, where it has one. */
import { type Audit, audit } from "./Audit.ts";
import { Command } from "./Command.ts";
import { Files } from "./Files.ts";
import { generateAudit } from "./Generate.audit.ts";
import { grpoAudit } from "./Grpo.audit.ts";
import { HubDataset } from "./HubDataset.ts";
import { Pretrained } from "./Pretrained.ts";
import { rolloutAudit } from "./Rollout.audit.ts";
import { stages } from "./stages.ts";

export const audits: ReadonlyMap<string, Audit> = new Map(
  [
    generateAudit,
    rolloutAudit,
    grpoAudit,
    audit(Command, { origin: "program" }),
    audit(Files, { origin: "imported" }),
    audit(HubDataset, { origin: "imported" }),
    audit(Pretrained, { origin: "imported" }),
  ].map((each) => [each.stage.name, each]),
);

/** The author of a stage's output: pipe itself, a trainer, a person's program, or somebody before the experiment. */
export type Origin = "computed" | "trained" | "program" | "imported";

/** Undefined for a stage that this pipe does not have. */
export const originOf = (stage: string): Origin | undefined => {
  const declared = stages.get(stage);
  if (declared === undefined) return undefined;
  return audits.get(stage)?.origin ?? (declared.trainers === undefined ? "computed" : "trained");
};

/** The facts about a machine that are kept with a result: enough to judge a time, nothing that names a person or a host. */
import os from "node:os";

let facts: Readonly<Record<string, string>> | undefined;

/** Asked for once, as the answer stays and the question is slow. */
export const machineFacts = (): Readonly<Record<string, string>> =>
  (facts ??= {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: String(os.availableParallelism()),
  });

/** The facts about a machine that are kept with a result: enough to judge a time, nothing that names a person or a host. */
import os from "node:os";

export const machineFacts = (): Readonly<Record<string, string>> => ({
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  cpu: os.cpus()[0]?.model.trim() ?? "unknown",
  cores: String(os.availableParallelism()),
});

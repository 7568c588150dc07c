/** The facts about a machine that are kept with a result: enough to judge a time, nothing that names a person or a host. */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";

export type MachineFacts = Readonly<Record<string, string>>;

/** With its GPUs where the work asked for some: to ask for them takes up to some seconds. */
export const machineFacts = (withGpus: boolean): Effect.Effect<MachineFacts> =>
  withGpus
    ? Effect.map(
        Effect.promise(() => (gpus ??= gpuFacts())),
        (found) => ({ ...ownFacts(), ...found }),
      )
    : Effect.sync(ownFacts);

// Asked for once, as the answers stay and the questions are slow.
let own: MachineFacts | undefined;
let gpus: Promise<MachineFacts> | undefined;

const ownFacts = (): MachineFacts =>
  (own ??= {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    os: systemName(),
    // Without the rest, in which people who build their own kernels put names.
    kernel: /^\d+\.\d+/u.exec(os.release())?.[0] ?? "unknown",
    cpu: os.cpus()[0]?.model.replaceAll(/\s+/gu, " ").trim() ?? "unknown",
    cores: String(os.availableParallelism()),
    memory: `${Math.max(1, Math.round(os.totalmem() / 2 ** 30))} GB`,
  });

/** The family and its version, and not the pretty name, which people change. */
const systemName = (): string => {
  if (process.platform !== "linux") return os.type();
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\n]*)"?$`, "mu").exec(releaseFile())?.[1] ?? "";
  return `${field("ID") || "linux"} ${field("VERSION_ID")}`.trim();
};

const releaseFile = (): string => {
  try {
    return fs.readFileSync("/etc/os-release", "utf8");
  } catch {
    return ""; // small systems have none
  }
};

/** Nothing where the program is missing, fails or takes too long: a fact that nobody knows is left out. */
const gpuFacts = async (): Promise<MachineFacts> => {
  const { execa } = await import("execa"); // takes 40 ms, which work without GPUs can do without
  const query = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
  const { failed, stdout } = await execa("nvidia-smi", query, { reject: false, timeout: 10_000 });
  return failed ? {} : gpuFactsFrom(stdout);
};

/** From a line for each GPU: its name, its driver. */
export const gpuFactsFrom = (table: string): MachineFacts => {
  const rows = table.split("\n").flatMap((line) => {
    const [name = "", driver = ""] = line.split(",").map((cell) => cell.trim());
    return name === "" ? [] : [{ name, driver }];
  });
  const [first] = rows;
  if (first === undefined) return {};
  const named = Map.groupBy(rows, ({ name }) => name);
  return {
    gpus: [...named].map(([name, alike]) => `${alike.length} × ${name}`).join("; "),
    driver: first.driver,
  };
};

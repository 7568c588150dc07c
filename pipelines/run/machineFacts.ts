/** Facts about the machine that made a result: enough to judge its times, nothing that names a person or host. */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";

export type MachineFacts = Readonly<Record<string, string>>;

/** `withGpus` asks for GPUs, too, which takes up to some seconds. */
export const machineFacts = (withGpus: boolean): Effect.Effect<MachineFacts> =>
  withGpus
    ? Effect.map(
        Effect.promise(() => (gpus ??= gpuFacts())),
        (found) => ({ ...ownFacts(), ...found }),
      )
    : Effect.sync(ownFacts);

/** The facts that an executor reports of another machine. */
export const factsElsewhere = ({ gpuTable = "", ...facts }: MachineFacts): MachineFacts => ({
  node: process.version,
  ...facts,
  ...gpuFactsFrom(gpuTable),
});

// Cached, since the answers do not change and take time.
let own: MachineFacts | undefined;
let gpus: Promise<MachineFacts> | undefined;

const ownFacts = (): MachineFacts =>
  (own ??= {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    os: systemName(),
    // Without the local version, where people who build their kernels put names.
    kernel: /^\d+\.\d+/u.exec(os.release())?.[0] ?? "unknown",
    cpu: os.cpus()[0]?.model.replaceAll(/\s+/gu, " ").trim() ?? "unknown",
    cores: String(os.availableParallelism()),
    memory: `${Math.max(1, Math.round(os.totalmem() / 2 ** 30))} GB`,
  });

/** The distribution's id and version; people change its pretty name. */
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

/** Empty where `nvidia-smi` is missing, fails or takes too long. */
const gpuFacts = async (): Promise<MachineFacts> => {
  const { execa } = await import("execa"); // its import takes 40 ms
  const query = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
  const { failed, stdout } = await execa("nvidia-smi", query, { reject: false, timeout: 10_000 });
  return failed ? {} : gpuFactsFrom(stdout);
};

/** `table` has a line for each GPU: name, driver. */
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

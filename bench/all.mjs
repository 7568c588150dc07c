/**
 * `npm run bench [-- [--write] NAME… [--FLAG…]]` runs all benchmarks, or those named. Each prints ratios against a reference in
 * the same run. `--write` puts what each prints into its section of docs/benchmarks.md.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const here = import.meta.dirname;
/** Not benchmarks: modules of helpers, and this one. */
const noBenchmark = ["all", "peers", "transcripts"];
const known = fs
  .readdirSync(here)
  .flatMap((name) => (name.endsWith(".mjs") ? [name.slice(0, -4)] : []))
  .filter((name) => !noBenchmark.includes(name));
const write = process.argv.includes("--write");
const given = process.argv.slice(2).filter((argument) => argument !== "--write");
const firstFlag = given.findIndex((argument) => argument.startsWith("-"));
const names = firstFlag === -1 ? given : given.slice(0, firstFlag);
const flags = firstFlag === -1 ? [] : given.slice(firstFlag);
const wanted = names.length > 0 ? names : known;

const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(", ")}; there are ${known.join(", ")}`);
  process.exit(2);
}

const page = path.resolve(here, "..", "docs", "benchmarks.md");
/** Replaces the section of one benchmark, which begins with its name as a heading, or adds it. */
const keep = (name, output) => {
  const sections = fs.readFileSync(page, "utf8").split(/^(?=## )/mu);
  const commit = spawnSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).stdout;
  const date = new Date().toISOString().slice(0, 10);
  const command = ["npm run bench --", name, ...flags].join(" ");
  const text = `## ${name}\n\n\`${command}\`, ${date}, commit ${commit.trim()}\n\n\`\`\`text\n${output.trim()}\n\`\`\`\n`;
  const others = sections.filter((section) => !section.startsWith(`## ${name}\n`));
  const [head, ...rest] = others;
  const sorted = [...rest, text].map((section) => `${section.trim()}\n`).sort();
  fs.writeFileSync(page, [`${head.trim()}\n`, ...sorted].join("\n"));
};

for (const name of wanted) {
  console.log(`\n── ${name}`);
  const program = [path.join(here, `${name}.mjs`), ...flags];
  const { status, stdout } = spawnSync(process.execPath, program, {
    stdio: ["inherit", write ? "pipe" : "inherit", "inherit"],
    maxBuffer: 1 << 28,
    encoding: "utf8",
  });
  if (status !== 0) process.exitCode = 1;
  if (!write) continue;
  console.log(stdout);
  // One that needs a GPU says so and ends: its last run stays.
  if (status === 0 && !stdout.startsWith("skipped")) keep(name, stdout);
}

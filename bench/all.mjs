/** `npm run bench [-- NAME… [--FLAG…]]`: every benchmark, or those named. Each prints ratios against something measured in the same run. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const here = import.meta.dirname;
/** Modules of helpers, and this one. */
const noBenchmark = ["all", "transcripts"];
const known = fs
  .readdirSync(here)
  .flatMap((name) => (name.endsWith(".mjs") ? [name.slice(0, -4)] : []))
  .filter((name) => !noBenchmark.includes(name));
const given = process.argv.slice(2);
const firstFlag = given.findIndex((argument) => argument.startsWith("-"));
const names = firstFlag === -1 ? given : given.slice(0, firstFlag);
const flags = firstFlag === -1 ? [] : given.slice(firstFlag);
const wanted = names.length > 0 ? names : known;

const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(", ")}; there are ${known.join(", ")}`);
  process.exit(2);
}
for (const name of wanted) {
  console.log(`\n── ${name}`);
  const { status } = spawnSync(process.execPath, [path.join(here, `${name}.mjs`), ...flags], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}

/** `npm run bench [-- NAME…]`: every benchmark, or those named. Each prints ratios against something measured in the same run. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const here = import.meta.dirname;
const known = fs
  .readdirSync(here)
  .flatMap((name) => (name.endsWith(".mjs") && name !== "all.mjs" ? [name.slice(0, -4)] : []));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : known;

const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(", ")}; there are ${known.join(", ")}`);
  process.exit(2);
}
for (const name of wanted) {
  console.log(`\n── ${name}`);
  const { status } = spawnSync(process.execPath, [path.join(here, `${name}.mjs`)], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}

/** Everything in a bundle that is not a file of an artifact: what is claimed, asked and left out, the product, and the record. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../executors/root.ts";
import type { BundledRun } from "./BundledRun.ts";
import { claimingNodes } from "./claims.ts";
import { inPathOrder, jsonBytes, textBytes } from "./content.ts";
import { environmentEntries } from "./environment.ts";
import { bundleFormat, type Claims, type Entry } from "./format.ts";
import { readme } from "./readme.ts";
import type { Product } from "./source.ts";

export interface Described {
  /** All of the bundle but the bag's own files. */
  readonly entries: ReadonlyArray<Entry>;
  readonly claims: number;
}

export const describe = (bundled: BundledRun, product: Product): Described => {
  const { license } = product;
  const claiming = claimingNodes(bundled);
  const claims = {
    format: bundleFormat,
    claims: claiming.flatMap((node) => node.claims),
  } satisfies typeof Claims.Type;
  const own = (name: string, content: Uint8Array): Entry => ({ path: name, content, license });
  const written = [
    own("data/README.md", textBytes(readme(bundled, claiming))),
    own("data/CLAIMS.json", jsonBytes(claims)),
    own("data/experiment.yaml", textBytes(bundled.spec)),
    own("data/run.json", jsonBytes(bundled.run)),
    own("data/pointers.json", jsonBytes(bundled.pointers)),
    ...verifier(own),
    own("record/attempts.jsonl", jsonLines(bundled.attempts)),
    own("record/machine.json", jsonBytes(bundled.machines)),
    ...environmentEntries(license),
  ];
  return {
    entries: inPathOrder([...bundled.entries, ...written, ...product.entries]),
    claims: claims.claims.length,
  };
};

const jsonLines = (values: ReadonlyArray<unknown>): Uint8Array =>
  textBytes(values.map((value) => `${JSON.stringify(value)}\n`).join(""));

/** Built with pipe itself (`npm run build`). */
const verifier = (own: (name: string, content: Uint8Array) => Entry): ReadonlyArray<Entry> => {
  const built = path.join(root, "dist/verify.mjs");
  return fs.existsSync(built) ? [own("data/verify.mjs", fs.readFileSync(built))] : [];
};

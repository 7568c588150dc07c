/** A bundle as files of a data set repository, in a folder of its own, so that it verifies after a download. */
import { Effect, Schema } from "effect";
import path from "node:path";
import { inPathOrder } from "../bundle/format/content.ts";
import { Allowed } from "../bundle/format/format.ts";
import type { OpenBundle } from "../bundle/format/open.ts";
import { identityOf } from "../bundle/verify/bytes.ts";
import { verifyUpTo } from "../bundle/verify/verify.ts";
import { cardBytes, licenseHeader } from "./card.ts";
import type { Publication } from "./Publication.ts";
import { PushRefused } from "./PushRefused.ts";

const allowedFile = "data/ALLOWED.json";
const licenseFile = /^data\/LICENSES\/(?<id>(?!LicenseRef-|verify\.mjs)[^/]+)\.txt$/u;

/** Refuses a damaged bundle. */
export const bundlePublication = Effect.fn("bundlePublication")(function* (
  bundle: OpenBundle,
  repo: string,
) {
  const failed = yield* Effect.promise(() => verifyUpTo(bundle, 1));
  if (failed !== undefined)
    return yield* new PushRefused({
      message: `the bundle is damaged: ${failed.problem.file} ${failed.problem.message}`,
      fix: "pack the run again with `pipe bundle RUN`",
    });
  const { top, directory, files, read } = bundle;
  const recorded = files.has(allowedFile)
    ? Schema.decodeUnknownSync(Schema.fromJsonString(Allowed))(read(allowedFile).toString())
    : [];
  const licenses = [...files.keys()].flatMap(
    (file) => licenseFile.exec(file)?.groups?.["id"] ?? [],
  );
  return {
    type: "dataset",
    title: `bundle ${top}`,
    folder: `${top}/`,
    files: inPathOrder(
      [...files].map(([name, { size }]) => ({
        path: name,
        content: { file: path.join(directory, name), size },
      })),
    ),
    // The Hub's viewer would take every Parquet file of every stage for one table.
    card: cardBytes(
      { ...licenseHeader(licenses.join(" AND ")), viewer: false, tags: ["pipe-bundle"] },
      [text(top, repo, identityOf(bundle))],
    ),
    replaces: () => false,
    recorded: new Map(recorded.map(({ id, reason }) => [id, reason])),
  } satisfies Publication as Publication;
});

const text = (top: string, repo: string, identity: string): string => `# ${top}

The results of an experiment with everything that they follow from: [claims and how to check them](${top}/data/README.md).

\`\`\`sh
hf download ${repo} --repo-type dataset --local-dir published
npx pipe verify published/${top}
\`\`\`

Its identity is \`${identity}\`: the SHA-256 of the list of its files.`;

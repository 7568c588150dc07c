/** Level 2: files that are not what their names and schemas require are found. */
import { describe } from "@effect/vitest";
import {
  edited,
  folderOf,
  forged,
  line,
  nodeOf,
  scoresNode,
  withJson,
  withRun,
} from "../alterations.ts";
import { isFound } from "../verifying.ts";

describe("level 2", () => {
  isFound(
    "finds a changed file of an artifact",
    ({ files, run }) =>
      edited(
        files,
        `${folderOf(run, scoresNode)}/scores.jsonl`,
        line(3, (score) => (score.outcome = !score.outcome)),
      ),
    { level: 2, what: "artifacts", file: "scores.jsonl" },
  );
  isFound(
    "finds a renamed file of an artifact",
    ({ files, run }) =>
      new Map(
        [...files].map(([name, bytes]) => [
          name.replace(
            `${folderOf(run, "table")}/table.csv`,
            `${folderOf(run, "table")}/table.tsv`,
          ),
          bytes,
        ]),
      ),
    { level: 2, what: "artifacts", file: "table.csv", found: "absent" },
  );
  isFound(
    "finds an extra file",
    ({ files }) => new Map([...files, ["data/notes.txt", Buffer.from("x")]]),
    { level: 2, what: "files", file: "data/notes.txt" },
  );
  isFound(
    "finds an artifact without a node",
    ({ files }) => new Map([...files, ["data/artifacts/0/x", Buffer.from("x")]]),
    { level: 2, what: "artifacts", file: "data/artifacts/0/x" },
  );
  isFound(
    "finds a missing required file",
    ({ files }) => new Map([...files].filter(([name]) => name !== "data/pointers.json")),
    { level: 2, what: "files", file: "data/pointers.json" },
  );
  isFound(
    "finds a field that the schema does not have",
    ({ files }) => withRun(files, (run) => (run.mood = "good")),
    { level: 2, what: "files", file: "data/run.json" },
  );
  isFound(
    "finds malformed JSON",
    ({ files }) => edited(files, "data/CLAIMS.json", (text) => text.slice(1)),
    { level: 2, what: "files", file: "data/CLAIMS.json" },
  );
  isFound(
    "finds a list of files with another digest",
    ({ files }) => withRun(files, (run) => (nodeOf(run, "table").files[0].size += 1)),
    { level: 2, what: "artifacts", number: "table" },
  );
  isFound(
    "finds a pointer to a file that no artifact has",
    ({ files }) =>
      withJson(files, "data/pointers.json", (pointers) =>
        pointers.push({
          artifact: "0",
          path: "x",
          sha256: "0",
          size: 1,
          why: "size",
          needed: false,
          rebuild: "",
        }),
      ),
    { level: 2, what: "artifacts", file: "data/pointers.json" },
  );
  isFound(
    "finds a dangling reference in the crate",
    ({ files }) =>
      withJson(
        files,
        "data/ro-crate-metadata.json",
        (crate) => (crate["@graph"][1].author = { "@id": "#nobody" }),
      ),
    { level: 2, what: "crate", number: "#nobody" },
  );
  isFound(
    "finds an entity of a missing file",
    ({ files }) =>
      withJson(files, "data/ro-crate-metadata.json", (crate) =>
        crate["@graph"].push({ "@id": "more.txt", "@type": "File" }),
      ),
    { level: 2, what: "crate", file: "data/more.txt" },
  );
  isFound(
    "finds a malformed score",
    ({ files }) =>
      forged(
        files,
        scoresNode,
        "scores.jsonl",
        line(3, (score) => (score.outcome = "yes")),
      ),
    { level: 2, what: "records", file: "scores.jsonl:4" },
  );
});

/** The rollouts of an artifact, one after the other, in memory that does not grow with their number. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { Rollout } from "../schemas/Rollout.ts";

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Rollout));

const names = ["rollouts.jsonl", "rollouts.jsonl.gz"];

/** Calls `each` for every line; rejects with a sentence that names the line that is wrong. */
export const eachRollout = async (
  directory: string,
  each: (rollout: Rollout) => void,
  signal: AbortSignal,
): Promise<void> => {
  const name = names.find((name) => fs.existsSync(path.join(directory, name)));
  if (name === undefined) throw new Error(`there is no ${names.join(" and no ")}`);
  let number = 0;
  const line = (text: string): void => {
    number += 1;
    if (text === "") return;
    try {
      each(decode(text));
    } catch (cause) {
      throw new Error(`${name}:${number}: ${(cause as Error).message}`, { cause });
    }
  };
  const split = async (chunks: AsyncIterable<string>): Promise<void> => {
    let rest = "";
    for await (const chunk of chunks) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(line);
    }
    line(rest);
  };
  const file = fs.createReadStream(path.join(directory, name), { highWaterMark: 1 << 18, signal });
  if (name.endsWith(".gz")) await pipeline(file, zlib.createGunzip(), decodeText, split);
  else await pipeline(file, decodeText, split);
};

/** Bytes to text; a character may lie across two chunks. */
async function* decodeText(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

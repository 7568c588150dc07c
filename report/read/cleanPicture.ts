/** Draws an example's picture again without its noise. */
import { Option, Schema } from "effect";
import { Render } from "../../stages/Render.ts";
import { imageRandom, type SplitName, splitInstance } from "../../tasks/split.ts";
import { tasks } from "../../tasks/tasks.ts";
import type { DrawClean, Maker } from "./Artifacts.ts";

const decodeParams = Schema.decodeUnknownOption(Render.params);

/** The pictures of a data set, drawn without noise; undefined for each where `maker` did not draw them or drew them clean. */
export const cleanPictures = (maker: Maker | undefined): DrawClean => {
  const { params = {} } = (maker?.keyParts ?? {}) as { readonly params?: unknown };
  const rendered = maker?.stage === Render.name ? decodeParams(params) : Option.none();
  if (Option.isNone(rendered) || rendered.value.image.noise === 0) return () => undefined;
  const { task: taskParams, image, seed } = rendered.value;
  const task = tasks[taskParams.kind];
  let isSame: boolean | undefined;
  return (row) => {
    const [, split = "", index = ""] = /^(.+)-(\d+)$/u.exec(row.id) ?? [];
    const name = split as SplitName;
    const { truth } = splitInstance(task, taskParams, seed, name, Number(index));
    const drawn = (noise: number) =>
      task.draw(truth, taskParams, { ...image, noise }, imageRandom(seed, name, Number(index)));
    // Another version of the drawing would show another picture: the first one decides.
    isSame ??= drawn(image.noise).equals(row.image.bytes);
    return isSame ? drawn(0) : undefined;
  };
};

/** The graph of stages, drawn by layers: a stage stands to the right of everything that it takes. */
import type { RunData } from "../ReportData.ts";
import { html, type Html } from "./html.ts";

const box = { width: 128, height: 42, across: 176, down: 58 } as const;

/** Room for edges above the first row and below the last. */
const margin = 30;

export const stageGraph = ({ nodes, wiring, run }: RunData): Html | undefined => {
  if (wiring.length === 0) return undefined;
  const stages = [...Map.groupBy(nodes, ({ stageName }) => stageName)];
  const layers = layersOf(
    stages.map(([name]) => name),
    wiring,
  );
  const counts = new Map<number, number>();
  const places = new Map(
    stages.map(([name]) => {
      const layer = layers.get(name) ?? 0;
      const row = counts.get(layer) ?? 0;
      counts.set(layer, row + 1);
      return [name, { x: layer * box.across + 2, y: row * box.down + margin }] as const;
    }),
  );
  const width = Math.max(...[...places.values()].map(({ x }) => x)) + box.width + 2;
  const height = Math.max(...counts.values()) * box.down + 2 * margin;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="The stages of ${run}">
    <svg
      class="dag"
      width="${width}"
      height="${height}"
      viewBox="0 0 ${width} ${height}"
      role="img"
      aria-label="${wiring.map(({ from, to }) => `${from} feeds ${to}`).join(", ")}"
    >
      ${wiring.map(({ from, to }) => {
        const [start, end] = [places.get(from), places.get(to)];
        if (start === undefined || end === undefined) return undefined;
        return html`<path d="${edge(start, end, layers.get(to)! - layers.get(from)!)}" />`;
      })}
      ${stages.map(([name, own]) => {
        const { x, y } = places.get(name)!;
        const done = own.filter(({ digest }) => digest !== undefined).length;
        const count = own.length === 1 ? "" : ` ×${own.length}`;
        const missing = done === own.length ? "" : `, ${own.length - done} missing`;
        return html`<rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="6" />
          <text x="${x + 10}" y="${y + 18}" class="name">${short(name, 15)}${count}</text>
          <text x="${x + 10}" y="${y + 33}">${short(own[0]!.stage, 12)}${missing}</text>`;
      })}
    </svg>
  </div>`;
};

interface Place {
  readonly x: number;
  readonly y: number;
}

/** An edge over several layers goes around the boxes between them: above the first row, below the others. */
const edge = (from: Place, to: Place, span: number): string => {
  const [middle, half] = [box.height / 2, box.width / 2];
  if (span === 1) {
    const [x1, y1, x2, y2] = [from.x + box.width, from.y + middle, to.x, to.y + middle];
    const bend = (x2 - x1) / 2;
    return `M${x1},${y1}C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
  }
  const isTop = to.y <= margin;
  const [x1, x2] = [from.x + half, to.x + half];
  const [y1, y2] = [from, to].map(({ y }) => (isTop ? y : y + box.height)) as [number, number];
  const far = isTop ? margin - 12 * span : Math.max(y1, y2) + 12 * span;
  return `M${x1},${y1}C${x1 + half},${far} ${x2 - half},${far} ${x2},${y2}`;
};

const short = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** The length of the longest way from a source to each stage. */
const layersOf = (
  stages: ReadonlyArray<string>,
  wiring: RunData["wiring"],
): ReadonlyMap<string, number> => {
  const layers = new Map(stages.map((stage) => [stage, 0]));
  // Each round settles at least one more stage; an acyclic graph needs no more rounds than stages.
  for (const _ of stages)
    for (const { from, to } of wiring)
      layers.set(to, Math.max(layers.get(to) ?? 0, (layers.get(from) ?? 0) + 1));
  return layers;
};

import { finishImage, type ImageParams, ink } from "../draw/Image.ts";
import { Raster } from "../draw/Raster.ts";
import { drawDigits, heightInEms } from "../draw/text.ts";
import type { Random } from "../../stats/Random.ts";
import type { Graph } from "./Graph.ts";
import { circularLayout, forceLayout, type Point, spacing } from "./layout.ts";
import type { GraphColoringParams } from "./params.ts";

/** Radius of the layout's unit disc, as a fraction of the picture. */
const layoutRadius = 0.4;

/** Radius of a vertex in pixels: large enough for its label, small enough to leave the edges between neighbours visible. */
const vertexRadius = (v: number, size: number) =>
  Math.min(
    Math.max(5.4, 0.06 * size),
    0.34 * Math.min(spacing(v), 1.5 / Math.sqrt(v)) * layoutRadius * size,
  );

/** Draws vertices as labelled discs over straight edges. Jitter shifts each vertex; rotation turns the layout, never the labels. */
export const drawGraph = (
  graph: Graph,
  params: GraphColoringParams,
  image: ImageParams,
  random: Random,
): Buffer => {
  const raster = new Raster(image.size, ink.paper);
  const radius = vertexRadius(graph.v, image.size);
  const points = vertexCentres(graph, params, image, radius, random);
  const width = Math.max(1.3, image.size * 0.0065);
  for (const [a, b] of graph.edges)
    raster.line(points[a]!.x, points[a]!.y, points[b]!.x, points[b]!.y, width, ink.stroke);
  points.forEach((point, i) => {
    raster.disc(point.x, point.y, radius, ink.outline);
    raster.disc(point.x, point.y, radius - width, ink.face);
    drawLabel(raster, String(i), point, radius - width);
  });
  return finishImage(raster, image, random, "runs");
};

/** Vertex centres in pixels; every disc lies inside the picture. */
const vertexCentres = (
  graph: Graph,
  params: GraphColoringParams,
  image: ImageParams,
  radius: number,
  random: Random,
): ReadonlyArray<Point> => {
  const scale = layoutRadius * image.size;
  const layout =
    params.layout === "circular"
      ? circularLayout(graph.v)
      : forceLayout(graph, (1.3 * radius) / scale, random);
  const angle = (random.uniform(-1, 1) * image.rotation * Math.PI) / 180;
  const shift = image.jitter * spacing(graph.v) * scale;
  const inside = (value: number) => Math.min(image.size - radius - 1, Math.max(radius + 1, value));
  return layout.map((point) => ({
    x: inside(
      image.size / 2 +
        scale * (point.x * Math.cos(angle) - point.y * Math.sin(angle)) +
        shift * random.uniform(-1, 1),
    ),
    y: inside(
      image.size / 2 +
        scale * (point.x * Math.sin(angle) + point.y * Math.cos(angle)) +
        shift * random.uniform(-1, 1),
    ),
  }));
};

const drawLabel = (raster: Raster, label: string, center: Point, radius: number): void => {
  const height = radius * (label.length === 1 ? 1.3 : 1.05);
  drawDigits(raster, label, center.x, center.y, height / heightInEms, ink.text);
};

import type { Random } from "../../stats/Random.ts";
import type { Edge, Graph } from "./Graph.ts";

/** A position in the layout: the unit disc about the origin, y downwards. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

interface Movable {
  x: number;
  y: number;
}

/** Vertices evenly on the unit circle, 0 at the top, clockwise. */
export const circularLayout = (v: number): ReadonlyArray<Point> => {
  return Array.from({ length: v }, (_, i) => {
    const angle = (2 * Math.PI * i) / v;
    return { x: Math.sin(angle), y: -Math.cos(angle) };
  });
};

/** Distance between neighbours on the circle: the unit of length of every layout. */
export const spacing = (v: number) => 2 * Math.sin(Math.PI / v);

const settleRounds = 50;
const spreadRounds = 40;
const starts = 6;

/**
 * A force-directed layout with room between vertices and passing edges: settled, then spread until `clearance` reaches
 * `enough`. Of a few random starts the one with the largest clearance is kept.
 */
export const forceLayout = (graph: Graph, enough: number, random: Random): ReadonlyArray<Point> => {
  let best: ReadonlyArray<Point> = [];
  let widest = -1;
  for (let start = 0; start < starts && widest < enough; start++) {
    const points = settle(graph, random);
    spread(points, graph.edges, enough);
    const clear = clearance(points, graph.edges);
    if (clear > widest) [best, widest] = [points, clear];
  }
  return best;
};

/** The least distance of a vertex to another vertex (halved, as both are discs) or to an edge that does not end at it. */
export const clearance = (points: ReadonlyArray<Point>, edges: ReadonlyArray<Edge>): number => {
  let least = Infinity;
  points.forEach((p, i) => {
    for (let j = 0; j < i; j++) least = Math.min(least, distance(p, points[j]!) / 2);
    for (const [a, b] of edges)
      if (a !== i && b !== i)
        least = Math.min(least, distance(p, nearestOn(p, points[a]!, points[b]!)));
  });
  return least;
};

/** Fruchterman and Reingold (1991): all vertices repel, edges attract, steps shrink to nothing over the rounds. */
const settle = ({ v, edges }: Graph, random: Random): Array<Movable> => {
  const ideal = 1.6 / Math.sqrt(v);
  const points = Array.from({ length: v }, () => ({
    x: random.uniform(-1, 1),
    y: random.uniform(-1, 1),
  }));
  for (let round = 0; round < settleRounds; round++) {
    // A pull to the middle keeps unconnected parts from drifting apart forever.
    const forces = points.map(({ x, y }) => ({ x: -x, y: -y }));
    const pull = (a: number, b: number, force: (distance: number) => number) => {
      const [p, q] = [points[a]!, points[b]!];
      const apart = Math.max(1e-3, distance(p, q));
      const share = force(apart) / apart;
      const [x, y] = [(q.x - p.x) * share, (q.y - p.y) * share];
      move(forces[a]!, x, y);
      move(forces[b]!, -x, -y);
    };
    for (let a = 0; a < v; a++)
      for (let b = a + 1; b < v; b++) pull(a, b, (apart) => (-ideal * ideal) / apart);
    for (const [a, b] of edges) pull(a, b, (apart) => (apart * apart) / ideal);
    const longest = 0.2 * (1 - round / settleRounds);
    forces.forEach(({ x, y }, i) => {
      const share = Math.min(1, longest / Math.max(1e-9, Math.hypot(x, y)));
      move(points[i]!, x * share, y * share);
    });
  }
  fillUnitDisc(points);
  return points;
};

/** Moves vertices away from near vertices and edges, in place and within the unit disc. */
const spread = (
  points: ReadonlyArray<Movable>,
  edges: ReadonlyArray<Edge>,
  enough: number,
): void => {
  for (let round = 0; round < spreadRounds && clearance(points, edges) < enough; round++) {
    points.forEach((p, i) => {
      for (let j = 0; j < i; j++) pushApart(p, points[j]!, 2.1 * enough, [points[j]!]);
      for (const [a, b] of edges) {
        if (a !== i && b !== i)
          pushApart(p, nearestOn(p, points[a]!, points[b]!), 1.1 * enough, [
            points[a]!,
            points[b]!,
          ]);
      }
    });
    for (const p of points) {
      const excess = Math.max(1, Math.hypot(p.x, p.y));
      p.x /= excess;
      p.y /= excess;
    }
  }
};

/** Moves `p` away from `place` and the carriers of `place` the other way, each by half of what `wanted` lacks. */
const pushApart = (
  p: Movable,
  place: Point,
  wanted: number,
  carriers: ReadonlyArray<Movable>,
): void => {
  const apart = distance(p, place);
  if (apart >= wanted) return;
  const share = (wanted - apart) / 2 / Math.max(apart, 1e-3);
  // Coincident points have no direction between them, so any serves.
  const [x, y] =
    apart < 1e-3 ? [share * 1e-3, 0] : [(p.x - place.x) * share, (p.y - place.y) * share];
  move(p, x, y);
  for (const carrier of carriers) move(carrier, -x / carriers.length, -y / carriers.length);
};

/** Centres the points and stretches them to fill the unit disc, first each axis, then both together. */
const fillUnitDisc = (points: ReadonlyArray<Movable>): void => {
  for (const axis of ["x", "y"] as const) {
    const values = points.map((point) => point[axis]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    for (const point of points)
      point[axis] = (point[axis] - (low + high) / 2) / Math.max(1e-9, high - low);
  }
  const radius = Math.max(1e-9, ...points.map((point) => Math.hypot(point.x, point.y)));
  for (const point of points) {
    point.x /= radius;
    point.y /= radius;
  }
};

const move = (point: Movable, x: number, y: number): void => {
  point.x += x;
  point.y += y;
};

const distance = (p: Point, q: Point) => Math.hypot(p.x - q.x, p.y - q.y);

const nearestOn = (p: Point, a: Point, b: Point): Point => {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const t = Math.min(
    1,
    Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy || 1)),
  );
  return { x: a.x + t * dx, y: a.y + t * dy };
};

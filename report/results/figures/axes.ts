/** Finds the axes that differ between the panels of a chart, by their domains. */

export type Direction = "horizontal" | "vertical";

const channels = { horizontal: "x", vertical: "y" } as const;

interface Panel {
  readonly layer: ReadonlyArray<{
    readonly encoding: {
      readonly [channel in "x" | "y"]?: { readonly scale: { readonly domain: unknown } };
    };
  }>;
}

interface Chart {
  readonly hconcat?: ReadonlyArray<Panel>;
  readonly vconcat?: ReadonlyArray<Panel>;
  readonly concat?: ReadonlyArray<Panel>;
}

/** The directions whose axes differ between panels. */
export const differingAxes = (chart: object): ReadonlyArray<Direction> => {
  const { hconcat, vconcat, concat } = chart as Chart;
  const panels = hconcat ?? vconcat ?? concat ?? [];
  return (["horizontal", "vertical"] as const).filter((direction) => {
    const domains = panels.map((panel) => JSON.stringify(domainOf(panel, channels[direction])));
    return new Set(domains).size > 1;
  });
};

/** All layers of a panel with the channel have the same domain. */
const domainOf = ({ layer }: Panel, channel: "x" | "y"): unknown =>
  layer.flatMap(({ encoding }) => encoding[channel] ?? [])[0]?.scale.domain;

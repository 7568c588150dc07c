/** Whether the panels of a chart may be held against one another: by the domains that they are drawn with. */

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

/** The directions in which not all panels have the same axis. */
export const differingAxes = (chart: object): ReadonlyArray<Direction> => {
  const { hconcat, vconcat, concat } = chart as Chart;
  const panels = hconcat ?? vconcat ?? concat ?? [];
  return (["horizontal", "vertical"] as const).filter((direction) => {
    const domains = panels.map((panel) => JSON.stringify(domainOf(panel, channels[direction])));
    return new Set(domains).size > 1;
  });
};

/** Every layer of a panel that has the channel has it with the same domain. */
const domainOf = ({ layer }: Panel, channel: "x" | "y"): unknown =>
  layer.flatMap(({ encoding }) => encoding[channel] ?? [])[0]?.scale.domain;

/**
 * Replaces the text between `<!-- table: NAME -->` or `<!-- figure: NAME -->` and the next `<!-- end -->`, and nothing else.
 * Markers and the tables and figures of study.yaml must correspond one to one.
 */

const block = /^<!-- (?<kind>table|figure): (?<name>[^\n]+?) -->$(?<old>.*?)^<!-- end -->$/gmsu;
const opening = /^<!-- (?:table|figure): .*-->$/gmu;

export const fill = (text: string, blocks: ReadonlyMap<string, string>): string => {
  const filled = new Set<string>();
  const openings = text.match(opening) ?? [];
  let closed = 0;
  const result = text.replaceAll(block, (_, kind: string, name: string, old: string) => {
    const nested = old.match(opening)?.[0];
    if (nested !== undefined)
      throw new Error(`README.md: no \`<!-- end -->\` between \`${kind}: ${name}\` and ${nested}`);
    const place = `${kind}: ${name}`;
    const content = blocks.get(place);
    if (content === undefined)
      throw new Error(`README.md has \`<!-- ${place} -->\`, and study.yaml no such ${kind}`);
    if (filled.has(place)) throw new Error(`README.md has \`<!-- ${place} -->\` twice`);
    filled.add(place);
    closed += 1;
    return `<!-- ${place} -->\n\n${content}\n\n<!-- end -->`;
  });
  if (closed < openings.length)
    throw new Error(`README.md: no \`<!-- end -->\` after ${openings.at(-1)}`);
  const missing = [...blocks.keys()].find((place) => !filled.has(place));
  if (missing !== undefined)
    throw new Error(`README.md has no \`<!-- ${missing} -->\`, where study.yaml has it shown`);
  return result;
};

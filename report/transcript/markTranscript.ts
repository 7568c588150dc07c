/**
 * Splits a response into caption, answer and the rest, and marks what the caption gets wrong. Runs in the page's script, too,
 * so it imports nothing; a property test holds the blocks against the scorer's.
 */

export interface Segment {
  readonly kind: "rest" | "caption" | "wrong" | "answer";
  readonly text: string;
}

export interface MarkedTranscript {
  readonly segments: ReadonlyArray<Segment>;
  /** Elements of p* that the caption lacks. */
  readonly missing: ReadonlyArray<string>;
}

/** The blocks as `tasks/transcript.ts` reads them: the first caption, and the last answer after it. */
export const markTranscript = (response: string, perception: string): MarkedTranscript => {
  const opened = response.indexOf("<caption>");
  const captionEnd = opened < 0 ? -1 : response.indexOf("</caption>", opened);
  const captionStart = response.lastIndexOf("<caption>", captionEnd) + "<caption>".length;
  const hasCaption = captionEnd >= 0;
  const after = hasCaption ? captionEnd + "</caption>".length : 0;
  const answerEnd = response.lastIndexOf("</answer>");
  const answerOpened = answerEnd < after ? -1 : response.lastIndexOf("<answer>", answerEnd);
  const hasAnswer = answerOpened >= after;
  const answerStart = hasAnswer ? answerOpened + "<answer>".length : response.length;
  const caption = hasCaption ? response.slice(captionStart, captionEnd) : "";
  const marked = hasCaption ? markCaption(caption, perception) : { segments: [], missing: [] };
  const rest = (from: number, to?: number): Segment => ({
    kind: "rest",
    text: response.slice(from, to),
  });
  const segments = [
    ...(hasCaption ? [rest(0, captionStart), ...marked.segments] : []),
    rest(hasCaption ? captionEnd : 0, answerStart),
    ...(hasAnswer
      ? [{ kind: "answer", text: response.slice(answerStart, answerEnd) } as const, rest(answerEnd)]
      : []),
  ];
  return { segments: segments.filter(({ text }) => text !== ""), missing: marked.missing };
};

/** Innermost arrays: the edges of a graph, or the rows of a grid. */
const unit = /\[[^[\]]*\]/gu;
const cell = /[^[\],\s]+/gu;

const cellsOf = (text: string): ReadonlyArray<string> =>
  (text.match(cell) ?? []).map((each) => each.replaceAll('"', ""));

/** Pairs are compared as a set whose order is free; longer rows cell by cell. */
const markCaption = (caption: string, perception: string): MarkedTranscript => {
  const truth = (perception.match(unit) ?? []).map(cellsOf);
  return truth.every((cells) => cells.length === 2)
    ? markPairs(caption, truth)
    : markRows(caption, truth);
};

const pairKey = (cells: ReadonlyArray<string>): string =>
  cells.toSorted((one, other) => Number(one) - Number(other)).join(",");

const markPairs = (
  caption: string,
  truth: ReadonlyArray<ReadonlyArray<string>>,
): MarkedTranscript => {
  const right = new Set(truth.map(pairKey));
  const seen = new Set<string>();
  const segments = split(caption, unit, (text) => {
    const key = pairKey(cellsOf(text));
    seen.add(key);
    return !right.has(key);
  });
  return { segments, missing: [...right].filter((key) => !seen.has(key)).map((key) => `[${key}]`) };
};

const markRows = (
  caption: string,
  truth: ReadonlyArray<ReadonlyArray<string>>,
): MarkedTranscript => {
  const cells = truth.flat();
  let place = 0;
  const segments = split(caption, cell, (text) => text.replaceAll('"', "") !== cells[place++]);
  return { segments, missing: [] };
};

const split = (
  text: string,
  pattern: RegExp,
  isWrong: (match: string) => boolean,
): ReadonlyArray<Segment> => {
  const segments: Array<Segment> = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    segments.push({ kind: "caption", text: text.slice(end, index) });
    segments.push({ kind: isWrong(match) ? "wrong" : "caption", text: match });
    end = index + match.length;
  }
  return [...segments, { kind: "caption", text: text.slice(end) }];
};

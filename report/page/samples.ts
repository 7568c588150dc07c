/** A fixed choice of answers, shown without a script. */
import type { Answer, Example, ReportData, ScoredPoint } from "../ReportData.ts";
import { failureReasons } from "../../tasks/FailureReason.ts";
import { markTranscript } from "../transcript/markTranscript.ts";
import { cut } from "../transcript/visible.ts";
import { block, html, type Html, picture } from "./html.ts";

const chosen = 24;

interface Sample {
  readonly arm: string;
  readonly answer: Answer;
  readonly example: Example;
}

/** As many of each of the four outcomes as there are, taken from the arms in turn, each example once. */
export const chooseSamples = ({ runs, examples }: ReportData): ReadonlyArray<Sample> => {
  const points = runs.flatMap((run) => run.points.map((point) => ({ run: run.run, point })));
  const used = new Set<string>();
  const outcomes = [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const;
  const queues = outcomes.map(([perception, outcome]) => {
    const perPoint = points.map(({ run, point }) =>
      point.answers.flatMap((answer) => {
        const example = examples.get(answer.example);
        const fits =
          answer.mode === "end-to-end" &&
          answer.perception === perception &&
          answer.outcome === outcome;
        const arm = runs.length > 1 ? `${run} · ${point.node}` : point.node;
        return fits && example !== undefined && answer.response !== undefined
          ? [{ arm, answer, example }]
          : [];
      }),
    );
    return inTurn(perPoint);
  });
  const found: Array<Sample> = [];
  for (const sample of inTurn(queues)) {
    if (found.length === chosen) break;
    if (used.has(sample.example.key)) continue;
    used.add(sample.example.key);
    found.push(sample);
  }
  return found;
};

/** The first of each list, then the second of each, and so on. */
const inTurn = <A>(lists: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<A> =>
  Array.from({ length: Math.max(0, ...lists.map(({ length }) => length)) }, (_, index) =>
    lists.flatMap((list) => (index < list.length ? [list[index]!] : [])),
  ).flat();

export const sampleCard = ({ arm, answer, example }: Sample): Html =>
  html`${block(`answer ${example.id} ${arm}`)}
    <article class="sample">
      <h3>${example.id} <span class="note">${arm}</span></h3>
      <div class="pictures">
        ${picture(example.picture, `The picture that the model saw: ${example.id}`)}
        ${example.clean === undefined ? undefined : picture(example.clean, `The same picture without noise`)}
      </div>
      <p class="verdicts">
        ${verdict("caption", answer.perception)} ${verdict("answer", answer.outcome)}
        ${answer.reason === null ? undefined : html`<span title="${reasonText(answer.reason)}">${answer.reason}</span>`}
      </p>
      ${transcript(answer.response ?? "", example.perception)}
      <p class="truth">p*: <code>${example.perception}</code></p>
    </article>`;

const verdict = (of: string, isRight: boolean): Html =>
  html`<span class="${isRight ? "right" : "false"}"
    >${isRight ? "✓" : "✗"} ${of} ${isRight ? "right" : "wrong"}</span
  >`;

const reasonText = (reason: string): string =>
  Object.hasOwn(failureReasons, reason)
    ? failureReasons[reason as keyof typeof failureReasons]
    : reason;

const transcript = (response: string, perception: string): Html => {
  const { segments, missing } = markTranscript(cut(response), perception);
  return html`<pre class="transcript" tabindex="0">
${segments.map(({ kind, text }) =>
  kind === "rest" ? text : html`<mark class="${kind}">${text}</mark>`,
)}</pre>
    ${missing.length === 0 ? undefined : html`<p class="missing">missing in the caption: ${missing.join(" ")}</p>`}`;
};

/** Whether a point has any answers to show. */
export const hasAnswers = ({ answers }: ScoredPoint): boolean =>
  answers.some(({ response }) => response !== undefined);

/** Counts of a teacher's replies: outcomes, thinking, tokens, failed requests, cost. */
import type { Completion } from "../remote/Completion.ts";
import type { Summary } from "../schemas/Artifact.ts";

interface Price {
  readonly prompt: number;
  readonly completion: number;
}

export class TeacherTally {
  private readonly failures: ReadonlyMap<string, number>;
  private readonly outcomes = new Map<string, number>();
  private readonly models = new Set<string>();
  private replies = 0;
  private withThinking = 0;
  private uncounted = 0;
  private promptTokens = 0;
  private completionTokens = 0;

  constructor(failures: ReadonlyMap<string, number>) {
    this.failures = failures;
  }

  add(outcome: string, { content, thinking, model, usage }: Completion): void {
    this.replies += 1;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (thinking !== "" || content.includes("</think>") || content.includes("<think>"))
      this.withThinking += 1;
    if (model !== null) this.models.add(model);
    if (usage === null) this.uncounted += 1;
    this.promptTokens += usage?.prompt ?? 0;
    this.completionTokens += usage?.completion ?? 0;
  }

  /** `no-answer 3, truncated 2`. */
  get outcomesText(): string {
    return [...this.outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(", ");
  }

  summary(price: Price | null): Summary {
    const cost =
      price &&
      (this.promptTokens * price.prompt + this.completionTokens * price.completion) / 1_000_000;
    return {
      replies: this.replies,
      outcomes: sorted(this.outcomes),
      replies_with_thinking: this.withThinking,
      failed_requests: sorted(this.failures),
      served_models: [...this.models].toSorted(),
      prompt_tokens: this.promptTokens,
      completion_tokens: this.completionTokens,
      ...(this.uncounted === 0 ? {} : { replies_without_token_count: this.uncounted }),
      ...(cost === null ? {} : { cost }),
    };
  }
}

const sorted = (counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));

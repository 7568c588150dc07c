/** The browser of samples: filters above, the examples that fit on the left, one of them on the right. */
import type { PackedSamples } from "../PackedSamples.ts";
import { choice, element } from "./elements.ts";
import { find, type Found, pairNames } from "./find.ts";
import { sampleView } from "./sample.ts";
import { hashOf, type State } from "./State.ts";

const any = ["", "any"] as const;
const rightness = [any, ["right", "right"], ["wrong", "wrong"]] as const;

export class Browser {
  private readonly samples: PackedSamples;
  private state: State;
  private found: Found;
  private readonly closing = new AbortController();
  private readonly filters = element("div", { class: "filters" });
  private readonly counts = element("div", { class: "counts" });
  private readonly list = element("ol", { class: "ids", tabindex: "0", "aria-label": "Examples" });
  private readonly detail = element("div", { class: "detail" });
  private readonly search = element("input", { type: "search", placeholder: "in the response" });

  constructor(samples: PackedSamples, place: HTMLElement, state: State) {
    this.samples = samples;
    this.state = state;
    this.found = find(samples, state);
    this.search.addEventListener("input", () => this.go({ text: this.search.value, sample: "" }));
    this.list.addEventListener("click", ({ target }) => {
      const id = (target as HTMLElement).closest("button")?.value;
      if (id !== undefined) this.go({ sample: id });
    });
    const { signal } = this.closing;
    document.addEventListener("keydown", (event) => this.press(event), { signal });
    place.replaceChildren(
      element(
        "p",
        { class: "note" },
        "Keys: j and k, next and previous; / search. The address follows, so a link leads here.",
      ),
      this.filters,
      this.counts,
      element("div", { class: "panes" }, this.list, this.detail),
    );
    this.show(state);
  }

  /** Lets go of the keyboard. */
  close(): void {
    this.closing.abort();
  }

  /** Shows a state that came from the address. */
  show(state: State): void {
    this.state = state;
    this.found = find(this.samples, state);
    this.search.value = state.text;
    this.drawFilters();
    this.drawCounts();
    this.drawList();
    this.drawSample();
  }

  private go(change: Partial<State>): void {
    const isFilter = Object.keys(change).some((name) => name !== "sample");
    this.state = { ...this.state, ...change };
    if (isFilter) {
      this.found = find(this.samples, this.state);
      if (!("text" in change)) this.drawFilters();
      this.drawCounts();
      this.drawList();
    }
    this.drawSample();
    history.replaceState(null, "", hashOf(this.state));
  }

  /** The place of the shown example among those that fit. */
  private get place(): number {
    const { sample } = this.state;
    const ids = this.found.shown.map(({ example }) => this.samples.examples[example]!.id);
    return Math.max(0, ids.indexOf(sample));
  }

  private press(event: KeyboardEvent): void {
    const isTyping = (event.target as HTMLElement).matches("input, select, textarea");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, k: -1 }[event.key];
    if (event.key === "/") {
      event.preventDefault();
      this.search.focus();
    } else if (step !== undefined) {
      const next = this.found.shown[this.place + step];
      if (next !== undefined) this.go({ sample: this.samples.examples[next.example]!.id });
    }
  }

  private drawFilters(): void {
    const { arms } = this.samples;
    const { state, found } = this;
    const names = arms.map(({ name }) => [name, name] as const);
    const reasons = [
      ...new Set(found.arm.answers.flatMap(({ reason }) => reason ?? [])),
    ].toSorted();
    this.filters.replaceChildren(
      choice("arm", found.arm.name, names, (arm) => this.go({ arm, reason: "" })),
      choice("beside it", state.beside, [["", "none"], ...names], (beside) =>
        this.go({ beside, pair: "" }),
      ),
      choice("caption", state.caption, rightness, (caption) => this.go({ caption, sample: "" })),
      choice("answer", state.answer, rightness, (answer) => this.go({ answer, sample: "" })),
      choice(
        "reason",
        state.reason,
        [any, ...reasons.map((reason) => [reason, reason] as const)],
        (reason) => this.go({ reason, sample: "" }),
      ),
      ...(found.beside === undefined
        ? []
        : [
            choice("both answers", state.pair, [any, ...Object.entries(pairNames)], (pair) =>
              this.go({ pair, sample: "" }),
            ),
          ]),
      element("label", {}, element("span", {}, "search"), this.search),
    );
  }

  /** The four outcomes, each a button that filters. */
  private drawCounts(): void {
    const { counts, shown, arm } = this.found;
    const buttons = ["right", "wrong"].flatMap((caption) =>
      ["right", "wrong"].map((answer) => {
        const isOn = this.state.caption === caption && this.state.answer === answer;
        const button = element(
          "button",
          { type: "button", "aria-pressed": String(isOn) },
          element("strong", {}, String(counts[`${caption} ${answer}`] ?? 0)),
          ` caption ${caption}, answer ${answer}`,
        );
        button.addEventListener("click", () => {
          this.go(isOn ? { caption: "", answer: "", sample: "" } : { caption, answer, sample: "" });
        });
        return button;
      }),
    );
    this.counts.replaceChildren(
      ...buttons,
      element("span", { role: "status" }, `${shown.length} of ${arm.answers.length} shown`),
    );
  }

  private drawList(): void {
    const items = this.found.shown.map(({ example, one, other }) => {
      const { id } = this.samples.examples[example]!;
      const marks = [one, other].map((each) =>
        each === undefined ? "" : `${each.caption ? "✓" : "✗"}${each.answer ? "✓" : "✗"}`,
      );
      const button = element("button", { type: "button", value: id }, id, " ", marks.join(" "));
      return element("li", {}, button);
    });
    this.list.replaceChildren(...items);
  }

  private drawSample(): void {
    const { place } = this;
    const shown = this.found.shown[place];
    this.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const button = this.list.children[place]?.firstElementChild as HTMLElement | null | undefined;
    button?.setAttribute("aria-current", "true");
    if (button) {
      const { offsetTop, offsetHeight } = button;
      const { scrollTop, clientHeight } = this.list;
      if (offsetTop < scrollTop || offsetTop + offsetHeight > scrollTop + clientHeight)
        this.list.scrollTop = offsetTop - clientHeight / 2;
    }
    this.detail.replaceChildren(
      shown === undefined
        ? element("p", {}, "No answer fits these filters.")
        : sampleView(this.samples, this.found, shown),
    );
  }
}

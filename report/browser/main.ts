/** The script of a report's page. */
import type { PackedSamples } from "../PackedSamples.ts";
import { Browser } from "./Browser.ts";
import { element } from "./elements.ts";
import { follow } from "./follow.ts";
import { noState, stateIn } from "./State.ts";
import { ownClass, takeOver } from "./takeOver.ts";

const unpack = async ({ type, text: base64 }: HTMLScriptElement): Promise<PackedSamples> => {
  if (type === "application/json") return JSON.parse(base64) as PackedSamples;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as PackedSamples;
};

let browser: Browser | undefined;

const packedIn = (page: Document): string => page.getElementById("data")?.textContent ?? "";

/** Replaces the fixed samples by the browser; where anything fails, they stay. */
const browse = async (): Promise<void> => {
  const place = document.getElementById("browser");
  const data = document.querySelector<HTMLScriptElement>("script#data");
  if (place === null || data === null || data.text === "") return;
  const samples = await unpack(data);
  if (samples.arms.length === 0) return;
  browser?.close();
  browser = new Browser(samples, place, stateIn(location.hash) ?? noState);
  place.hidden = false;
  document.getElementById("fixed")!.hidden = true;
};

const addCopyButtons = (): void => {
  for (const pre of document.querySelectorAll<HTMLElement>("pre[data-copy]")) {
    if (pre.previousElementSibling?.classList.contains(ownClass)) continue;
    const attributes = { type: "button", class: ownClass };
    const button = element("button", attributes, `copy ${pre.dataset["copy"]}`);
    button.addEventListener("click", () => {
      void navigator.clipboard.writeText(pre.textContent ?? "").then(
        () => (button.textContent = "copied"),
        () => getSelection()?.selectAllChildren(pre),
      );
    });
    pre.before(button);
  }
};

/** The samples stay as they are until there are others: a reader may be in the middle of them. */
const showNext = (next: Document): void => {
  const hasSameSamples = packedIn(next) === packedIn(document);
  const keeps = ({ id }: Element) => id === "live" || (id === "samples" && hasSameSamples);
  const place = document.getElementById("browser");
  document.title = next.title;
  takeOver(document.querySelector("main")!, next.querySelector("main")!, keeps);
  document.getElementById("data")!.textContent = packedIn(next);
  addCopyButtons();
  if (!hasSameSamples || document.getElementById("browser") !== place) void browse();
};

addCopyButtons();
void browse().then(() => {
  if (stateIn(location.hash) !== undefined) document.getElementById("samples")?.scrollIntoView();
});
window.addEventListener("hashchange", () => {
  const next = stateIn(location.hash);
  if (next !== undefined) browser?.show(next);
});
const liveLine = () => document.getElementById("live");
if (liveLine() !== null) follow(liveLine, showNext);

/** Asks the page's own address, again and again, whether it has a new version. */

const pauseMillis = 1000;

/** Says in `place` why the page is not up to date. */
export const follow = (place: () => HTMLElement | null, show: (next: Document) => void): void => {
  let version = "";
  let asOf = new Date();
  const ask = async (): Promise<void> => {
    const answer = await fetch(location.pathname, {
      cache: "no-store",
      headers: version === "" ? {} : { "if-none-match": version },
    });
    if (answer.ok) {
      version = answer.headers.get("etag") ?? "";
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } else if (answer.status !== 304) throw new Error(await answer.text());
    asOf = new Date();
  };
  const say = (text: string): void => {
    const line = place();
    // The same text again would be read aloud again.
    if (line !== null && line.textContent !== text) line.textContent = text;
  };
  const tick = async (): Promise<void> => {
    // Nobody looks at a hidden page.
    if (!document.hidden)
      await ask().then(
        () => say(""),
        (error: unknown) => say(`As of ${asOf.toLocaleTimeString()}; since then ${trouble(error)}`),
      );
    setTimeout(() => void tick(), pauseMillis);
  };
  void tick();
};

/** `fetch` fails with a TypeError where there is no answer at all. */
const trouble = (error: unknown): string =>
  error instanceof TypeError
    ? "`pipe ui` does not answer. If it has ended, start it again and open its new address."
    : `the server says: ${(error as Error).message}`;

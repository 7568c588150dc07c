/** Seconds from `now` (milliseconds) that a `Retry-After` header asks for, as a number or a date; 0 if it says neither. */
export const retryAfterSeconds = (header: string | null | undefined, now: number): number => {
  const written = header?.trim() ?? "";
  const seconds = /^\d+$/u.test(written) ? Number(written) : (Date.parse(written) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
};

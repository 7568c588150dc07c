/** Times and numbers as people read them. */

/** Date and minute in local time. */
export const localTime = (iso: string): string => {
  const at = new Date(iso);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
};

/** Hour, minute and second in local time. */
export const clockTime = (iso: string): string => {
  const at = new Date(iso);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
};

/** A number in few characters: counts whole, others with three significant digits. */
export const compact = (value: number): string => {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  if (Math.abs(value) >= 1000) return `${(value / 1000).toPrecision(3)}k`;
  return String(Number(value.toPrecision(3)));
};

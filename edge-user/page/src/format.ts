// Figures for people.

const UNITS = ["", "k", "M", "G", "T"];

/** A number with four digits at most and a unit, such as `12.5 Mbps`. */
function scaled(value: number, unit: string): string {
  let place = 0;
  while (Math.abs(value) >= 999.95 && place < UNITS.length - 1) {
    value /= 1000;
    place += 1;
  }
  const digits = place === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${UNITS[place]}${unit}`;
}

export const bitRate = (bps: number): string => scaled(bps, "bps");
export const byteCount = (bytes: number): string => scaled(bytes, "B");
export const perSecond = (value: number): string => (value === 0 ? "0" : `${scaled(value, "").trim()}/s`);
export const count = (value: number): string => value.toLocaleString("en").replaceAll(",", "\u202f");
export const perCent = (permille: number): string => `${(permille / 10).toFixed(1)} %`;

/** A moment in UTC, to the second. */
export function moment(text: string | null | undefined): string {
  return text ? text.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC") : "never";
}

export function span(seconds: number): string {
  const parts: [number, string][] = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  let left = Math.max(0, Math.round(seconds));
  const words: string[] = [];
  for (const [length, unit] of parts) {
    if (left >= length) {
      words.push(`${Math.floor(left / length)} ${unit}`);
      left %= length;
    }
    if (words.length === 2) break;
  }
  return words.join(" ") || "0 s";
}

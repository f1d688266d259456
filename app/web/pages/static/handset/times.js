/** Formats times in Asia/Shanghai, whatever the browser's time zone. */

const ZONE = "Asia/Shanghai";
const OFFSET = "+08:00"; // Shanghai has had no summer time since 1991.
const LOCALES = { en: "en-GB", zh: "zh-CN" };
const FORMATS = {
  minute: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  moment: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  date: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  moment: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
};
const made = new Map();

/** @param {keyof FORMATS} kind @param {Date} at @param {"en"|"zh"} language */
export function format(kind, at, language) {
  const key = `${kind} ${language}`;
  if (!made.has(key)) {
    made.set(key, new Intl.DateTimeFormat(LOCALES[language], { timeZone: ZONE, hourCycle: "h23", ...FORMATS[kind] }));
  }
  return made.get(key).format(at);
}

/** Return year, month and so on in Shanghai, as numbers. */
function partsOf(at) {
  const shifted = new Date(at.getTime() + 8 * 3_600_000);
  return { year: shifted.getUTCFullYear(), month: shifted.getUTCMonth() + 1 };
}

const two = (number) => String(number).padStart(2, "0");

/** Return the next 1st of a month at 10:00, when monthly notices are sent. */
export function nextFirst(at) {
  const { year, month } = partsOf(at);
  const first = (y, m) => new Date(`${y}-${two(m)}-01T10:00:00${OFFSET}`);
  const here = first(year, month);
  if (here > at) return here;
  return month === 12 ? first(year + 1, 1) : first(year, month + 1);
}

const shifted = (at) => new Date(new Date(at).getTime() + 8 * 3_600_000).toISOString();

/** The day in Shanghai, comparable as text: 2026-03-02. */
export const dayOf = (at) => shifted(at).slice(0, 10);
/** The time of the day in Shanghai: 10:00. */
export const timeOf = (at) => shifted(at).slice(11, 16);

/** Return the instant of a day and a time in Shanghai, as fields have them; null if one of them is not valid. */
export function instantOf(day, time) {
  const found = /^([01]?\d|2[0-3])[:：]([0-5]\d)$/.exec(time.trim());
  const at = found && new Date(`${day}T${found[1].padStart(2, "0")}:${found[2]}:00${OFFSET}`);
  return at && !Number.isNaN(at.getTime()) ? at : null;
}

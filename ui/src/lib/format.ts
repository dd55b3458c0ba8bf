// How values look. Times come as RFC 3339 text and are shown in the reader's zone.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `1.4 s`, `3 min 12 s`, `2 h 5 min`; a length in milliseconds. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return pair(ms, MINUTE, "min", SECOND, "s");
  if (ms < DAY) return pair(ms, HOUR, "h", MINUTE, "min");
  return pair(ms, DAY, "d", HOUR, "h");
}

/** `30m`, `2h`, `1d`; a length in milliseconds as the command line takes it. */
export function period(ms: number): string {
  if (ms % DAY === 0) return `${ms / DAY}d`;
  if (ms % HOUR === 0) return `${ms / HOUR}h`;
  return ms % MINUTE === 0 ? `${ms / MINUTE}m` : `${Math.round(ms / SECOND)}s`;
}

/** `12 s ago` or `in 3 min`; the exact time belongs in the title. */
export function ago(at: string, now: number): string {
  const distance = now - Date.parse(at);
  const size = Math.abs(distance);
  if (size < 5 * SECOND) return "now";
  const text =
    size < MINUTE ? `${Math.round(size / SECOND)} s`
    : size < HOUR ? `${Math.round(size / MINUTE)} min`
    : size < 2 * DAY ? `${Math.round(size / HOUR)} h`
    : `${Math.round(size / DAY)} d`;
  return distance < 0 ? `in ${text}` : `${text} ago`;
}

const exact = new Intl.DateTimeFormat(undefined, {
  weekday: "short", year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

/** The whole time, with its zone. */
export function moment(at: string): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : exact.format(time);
}

const ofDay = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false,
});

/** The time of day, to the millisecond. */
export function time(at: string): string {
  return ofDay.format(new Date(at));
}

/** Milliseconds between two times; up to now if the second is missing. */
export function between(from: string | null | undefined, to: string | null | undefined, now: number): number | null {
  if (!from) return null;
  return (to ? Date.parse(to) : now) - Date.parse(from);
}

const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** `1,204,331` */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** `1.2M` */
export function compact(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : short.format(value);
}

/** `812 B`, `1.4 MiB` */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const at = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log2(value) / 10));
  return `${Number((value / 1024 ** at).toPrecision(3))} ${units[at]}`;
}

/** `0.8431`; a whole number stays one. */
export function metric(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return Number.isInteger(value) ? whole.format(value) : String(Number(value.toPrecision(4)));
}

/** `1 step`, `3 steps` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${whole.format(value)} ${value === 1 ? one : many}`;
}

/** A value of a table's cell. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function pair(ms: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const total = Math.round(ms / small);
  const per = big / small;
  const rest = total % per;
  const head = `${Math.floor(total / per)} ${bigUnit}`;
  return rest ? `${head} ${rest} ${smallUnit}` : head;
}

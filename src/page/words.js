/** Values in words. */

const UNITS = [[86_400, "d", 3_600, "h"], [3_600, "h", 60, "m"], [60, "m", 1, "s"]];

/** A length of time in its two largest units. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const [large, largeName, small, smallName] = UNITS.find(([size]) => seconds >= size);
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName} ${
    String(rest).padStart(2, "0")
  } ${smallName}`;
}

/** How long ago a time of the API was; `undefined` for `null`. */
export function since(time, now = Date.now()) {
  return time === null || time === undefined ? undefined : duration(now - Date.parse(time));
}

/** The time from one to another; an end that is `null` is now. */
export function between(start, end, now = Date.now()) {
  if (!start) return "–";
  return duration((end ? Date.parse(end) : now) - Date.parse(start));
}

/** A time of the API as people here write it. */
export function localTime(time) {
  return time ? new Date(time).toLocaleString() : "–";
}

/** An amount of bytes. */
export function bytes(count) {
  if (count === null || count === undefined) return "–";
  let [value, unit] = [count, "B"];
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (value < 1024) break;
    [value, unit] = [value / 1024, next];
  }
  return `${value >= 100 || unit === "B" ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** A part of a whole. */
export function percent(part) {
  return part === null || part === undefined ? "–" : `${Math.round(part * 100)} %`;
}

/** How a workload ended: a tone for its colour and a few words. */
export function outcome({ state, cause, exit_code, signal, oom_kill }) {
  if (state !== "ended") return { tone: state === "running" ? "busy" : "idle", text: state };
  if (cause === "exited" && exit_code === 0) return { tone: "good", text: "succeeded" };
  if (cause === "exited") {
    return { tone: "bad", text: exit_code === null ? "failed" : `failed: exit code ${exit_code}` };
  }
  if (oom_kill) return { tone: "bad", text: "killed: out of memory" };
  if (cause === "killed") return { tone: "bad", text: `killed by ${signal}` };
  const tone = cause === "cancelled" || cause === "withdrawn" ? "idle" : "bad";
  return { tone, text: cause.replaceAll("_", " ") };
}

/** Which part of the work is done, from 0 to 1; `undefined`: that cannot be told. */
export function fraction({ progress, total }) {
  if (progress === undefined) return undefined;
  if (total !== undefined) return Math.min(1, progress / total);
  return progress <= 1 ? progress : undefined;
}

/** Progress in words. */
export function progressText(amount) {
  const part = fraction(amount);
  const count = amount.progress === undefined || amount.total === undefined
    ? (part === undefined ? amount.progress : undefined)
    : `${amount.progress} of ${amount.total}`;
  const done = part === undefined ? undefined : `${Math.floor(part * 100)} %`;
  return [done, count, amount.message].filter((text) => text !== undefined).join(" · ");
}

/** What names a workload best. */
export function nameOf({ request_id, id }) {
  return request_id || id;
}

/** Numbers as people read them: times as 1:02.4, shares as whole per cent. */

/**
 * A length or a place to the second: 0:42, 1:02:03.
 * @param {number} seconds
 */
export function clock(seconds) {
  return joined(Math.max(0, Math.round(seconds)), "");
}

/**
 * A place to the tenth of a second: 1:02.4.
 * @param {number} seconds
 */
export function timestamp(seconds) {
  const tenths = Math.max(0, Math.round(seconds * 10));
  return joined(Math.floor(tenths / 10), `.${tenths % 10}`);
}

/**
 * A length, which is not to be read as a place: 0.4 s, 42 s, 1 min 32 s, 1 h 5 min.
 * @param {number} seconds
 */
export function length(seconds) {
  if (seconds < 0.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const parts = whole < 3600
    ? [[Math.floor(whole / 60), "min"], [whole % 60, "s"]]
    : [[Math.floor(whole / 3600), "h"], [Math.floor((whole % 3600) / 60), "min"]];
  return parts.filter(([count]) => count).map(([count, unit]) => `${count}\u00a0${unit}`).join(" ");
}

/** Characters that turn the reading direction or break lines: "gpj.mp4" could pose as "4pm.jpg". */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * What a video is called: its title, or else the name of its file.
 * @param {{title?: string, filename: string}} video
 */
export function titleOf(video) {
  return video.title || video.filename;
}

/**
 * A file name as it may be shown.
 * @param {string} name
 */
export function shown(name) {
  return name.replace(UNSEEN, "").trim() || "(no name)";
}

/**
 * A file name for use inside a sentence: its middle left out when it is long.
 * @param {string} name
 * @param {number} [most] characters
 */
export function shortName(name, most = 48) {
  const letters = Array.from(shown(name));
  if (letters.length <= most) return letters.join("");
  const tail = Math.floor(most / 3);
  return `${letters.slice(0, most - tail - 1).join("")}…${letters.slice(-tail).join("")}`;
}

function joined(whole, rest) {
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const seconds = String(whole % 60).padStart(2, "0");
  const head = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${head}:${seconds}${rest}`;
}

/**
 * Never rounds up to 100 % nor down to 0 %.
 * @param {number} share 0..1
 */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole >= 100 && share < 1) return share > 0.9995 ? "100%" : "99%";
  if (whole <= 0 && share > 0) return "1%";
  return `${whole}%`;
}

/**
 * Units of 1024, as Django's filesizeformat has them.
 * @param {number} bytes
 */
export function bytes(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  if (bytes === 1) return "1 byte";
  return `${unit === 0 ? value : value.toFixed(value < 100 ? 1 : 0)} ${units[unit]}`;
}

/** @param {number} bytesPerSecond */
export function rate(bytesPerSecond) {
  return `${bytes(Math.round(bytesPerSecond))}/s`;
}

/** @param {number} seconds */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 1.5) return "a moment left";
  if (seconds < 90) return `${Math.ceil(seconds)} s left`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min left`;
  return `${Math.ceil(seconds / 3600)} h left`;
}

/**
 * @param {number} seconds
 */
export function spokenLength(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  const hours = seconds / 3600;
  return `${Number.isInteger(hours) ? hours : hours.toFixed(1)} hours`;
}

/** @param {string} iso */
export function dateTime(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  // As the pages have them that the server wrote.
  return date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })
    .replaceAll(" ", "\u00a0");
}

/**
 * "1 frame", "12 frames": figure and word stay on one line.
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")}\u00a0${count === 1 ? one : many}`;
}

/**
 * Facts in a row; the dot stays on the line of the fact before it.
 * @param {(string|null|false|undefined)[]} facts
 */
export function dotted(facts) {
  return facts.filter(Boolean).join("\u00a0· ");
}

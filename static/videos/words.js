/** What states, steps, kinds and findings are called on screen. Verdict first, plain words. */

import { el, embedded } from "./dom.js";
import { counted, length, percent, shortName, timestamp, titleOf } from "./format.js";

/** @typedef {import("./types.js").Video} Video */
/** @typedef {import("./types.js").Duplicate} Duplicate */
/** @typedef {import("./types.js").Segment} Segment */

const FINAL = new Set(["ready", "partial", "duplicate", "failed", "quarantined", "deleted"]);

/** From videos/words.py, by way of the page. @type {Record<string, string>} */
const STATES = embedded("state-words") || {};

const STEPS = {
  probe: "Reading the file",
  preview: "Looking at a few frames",
  extract: "Looking for scene cuts",
  fingerprint: "Taking its fingerprint",
  index: "Adding it to the library",
  search: "Comparing it with the library",
  flag: "Writing down the result",
};

const KINDS = {
  mirrored: "mirrored",
  inverted: "colours inverted",
  turned: "turned by a quarter",
  speed: "at another speed",
  reordered: "in another order",
  excerpt: "part of the original",
  inserted: "among other footage",
  shared: "in several videos, perhaps an intro",
  cuts: "scene cuts agree",
  exact: "the very same file",
};
// Worth a label, but not a word in the verdict: seconds and names say it already.
const SILENT = new Set(["excerpt", "inserted", "shared", "cuts"]);

/** @param {string} state */
export function isFinal(state) {
  return FINAL.has(state);
}

/** @param {Video} video */
export function stateWords(video) {
  if (video.state === "processing") return STEPS[video.step] || STATES.processing;
  return STATES[video.state] || video.state;
}

/** @param {string} kind */
export function kindWords(kind) {
  return KINDS[kind] || kind.replaceAll("_", " ");
}

/**
 * "mirrored, 1.25× the speed": what was done to the copy; a kind with a figure is said with it.
 * @param {Duplicate} duplicate
 */
export function changes(duplicate) {
  const speeds = new Set(duplicate.segments.map(speedWords).filter(Boolean));
  const kinds = new Set(duplicate.kinds.filter((kind) => kind !== "speed" || !speeds.size)
    .map(kindWords));
  if (duplicate.segments.some((segment) => segment.mirrored)) kinds.add("mirrored");
  return [...kinds, ...speeds];
}

/** @param {Segment} segment */
export function segmentChanges(segment) {
  return [segment.mirrored ? "mirrored" : "", speedWords(segment)].filter(Boolean);
}

/**
 * What was done to the picture: "mirrored, turned by 8° to the left, shows 64% of the other's".
 * @param {Segment} segment
 */
export function pictureChanges(segment) {
  const words = [segment.mirrored ? KINDS.mirrored : "", segment.inverted ? KINDS.inverted : ""];
  const { transform } = segment;
  if (transform) {
    const degrees = Math.round(Math.abs(transform.rotation));
    const side = transform.rotation > 0 ? "right" : "left";
    if (degrees === 180) words.push("upside down");
    else if (degrees) words.push(`turned by ${degrees}° to the ${side}`);
    if (Math.abs(transform.stretch - 1) >= 0.05) {
      words.push(transform.stretch > 1 ? "stretched" : "squeezed");
    }
    if (transform.other_box) words.push(`shows ${percent(transform.other_share)} of the other picture`);
    if (transform.box) words.push(`in ${percent(transform.share)} of this picture`);
  }
  return words.filter(Boolean);
}

/**
 * Seconds of the other video that pass in one second of this one.
 * @param {Segment} segment
 */
export function pace(segment) {
  const here = segment.end - segment.start;
  const there = segment.other_end - segment.other_start;
  const speed = segment.speed || 1;
  if (here <= 0 || there <= 0) return speed;
  // The estimate is the finer figure while the two ends do not contradict it.
  return Math.abs(there / here / speed - 1) < 0.1 ? speed : there / here;
}

/** @param {Segment} segment */
function speedWords(segment) {
  const speed = segment.speed || 1;
  return Math.abs(speed - 1) < 0.02 ? "" : `${speed.toFixed(2).replace(/\.?0+$/, "")}× speed`;
}

/**
 * Seconds covered by intervals that may overlap.
 * @param {[number, number][]} intervals
 */
export function union(intervals) {
  let total = 0;
  let reached = -Infinity;
  for (const [start, end] of [...intervals].sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return total;
}

/** @param {Duplicate} duplicate */
export function secondsHere(duplicate) {
  return union(duplicate.segments.map((segment) => [segment.start, segment.end]));
}

/** @param {Duplicate} duplicate */
export function secondsThere(duplicate) {
  return union(duplicate.segments.map((segment) => [segment.other_start, segment.other_end]));
}

/** @param {Duplicate} duplicate */
function nameOf(duplicate) {
  const name = titleOf(duplicate.video);
  return el("em", { title: name }, el("bdi", {}, shortName(name)));
}

const HEDGES = { certain: "", likely: "probably ", doubtful: "possibly " };

/**
 * @param {Video} video
 * @param {Duplicate} duplicate
 * @returns {(Node|string)[]}
 */
function claim(video, duplicate) {
  const hedge = HEDGES[duplicate.confidence_word] ?? "";
  const said = { ...duplicate, kinds: duplicate.kinds.filter((kind) => !SILENT.has(kind)) };
  const tail = changes(said).map((change) => `, ${change}`).join("");
  const name = nameOf(duplicate);
  const first = duplicate.segments[0];
  if (video.media_type === "image") {
    if (duplicate.video.media_type === "image" || !first) {
      return [`This image is ${hedge}a copy of `, name, `${tail}.`];
    }
    return [`This image is ${hedge}in `, name, ` at ${timestamp(first.other_start)}${tail}.`];
  }
  if (duplicate.video.media_type === "image") {
    return ["The image ", name, ` is ${hedge}in this${first ? ` at ${timestamp(first.start)}` : ""}${tail}.`];
  }
  if (duplicate.covered >= 0.98 && duplicate.covered_other >= 0.98) {
    return [`This is ${hedge}a copy of `, name, `${tail}.`];
  }
  if (!first) return [`Part of this is ${hedge}in `, name, `${tail}.`];
  const here = length(secondsHere(duplicate));
  const there = length(secondsThere(duplicate));
  return [`${here} of this are ${hedge}${there} of `, name, `${tail}.`];
}

/**
 * What the uploader can do about an analysis that failed.
 * @param {import("./types.js").Fault} fault
 */
export function advice(fault) {
  if (fault.code === "MALWARE") return "If you are sure that it is clean, tell the operator of this site.";
  return fault.retryable
    ? "It may work a second time: upload the file again in a few minutes."
    : "Sending the same file again will not help.";
}

/**
 * The finding in one sentence, with how many more there are.
 * @param {Video} video
 * @returns {(Node|string)[]}
 */
export function verdict(video) {
  if (video.state === "failed") return ["This could not be analysed."];
  if (video.state === "deleted") return ["This was deleted."];
  if (video.state === "quarantined") return ["This was locked away and not analysed."];
  const [best, ...others] = video.duplicates;
  if (best) {
    const more = others.length ? ` ${counted(others.length, "more video matches", "more videos match")}.` : "";
    return [...claim(video, best), more].filter(Boolean);
  }
  if (!isFinal(video.state)) return ["Nothing found so far."];
  if (video.state === "partial") return ["Nothing in the library matches the part that could be read."];
  return ["Nothing in the library matches this."];
}

/**
 * The same as plain text.
 * @param {(Node|string)[]} parts
 */
export function sentence(parts) {
  return parts.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
}

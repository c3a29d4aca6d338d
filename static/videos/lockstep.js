/** Which second of the other video belongs to which second of this one. Pure. */

import { pace } from "./words.js";

/** @typedef {import("./types.js").Segment} Segment */

/**
 * @param {Segment} segment
 * @param {number} here seconds in this video, inside or outside the segment
 */
export function there(segment, here) {
  return segment.other_start + (here - segment.start) * pace(segment);
}

/**
 * @param {Segment} segment
 * @param {number} other seconds in the other video
 */
export function here(segment, other) {
  return segment.start + (other - segment.other_start) / pace(segment);
}

/**
 * The chosen segment holds until the time lies in another one and no longer in it.
 * @param {Segment[]} segments
 * @param {Segment|null} chosen
 * @param {number} time seconds in this video
 * @returns {Segment|null}
 */
export function segmentAt(segments, chosen, time) {
  if (chosen && time >= chosen.start && time < chosen.end) return chosen;
  return segments.find((segment) => time >= segment.start && time < segment.end) || chosen;
}

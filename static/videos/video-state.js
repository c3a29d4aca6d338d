/** What a live message makes of a video: pure, and the same message twice changes nothing. */

import { isFinal } from "./words.js";

/** @typedef {import("./types.js").Video} Video */
/** @typedef {import("./types.js").Duplicate} Duplicate */

const SAME_CUT_S = 0.001;

/**
 * @param {Video} video
 * @param {any} message
 * @returns {Video}
 */
export function applyMessage(video, message) {
  switch (message.type) {
    case "snapshot":
      return ordered(message.video);
    case "progress":
      return { ...video, progress: message.progress, step: message.step, state: message.state };
    case "cut":
      return { ...video, scene_cuts: withCut(video.scene_cuts, message.timestamp) };
    case "thumbnail":
      return { ...video, thumbnail: message.thumbnail };
    case "duplicate":
      return ordered({
        ...video,
        duplicates: [
          ...video.duplicates.filter((known) => known.id !== message.duplicate.id),
          message.duplicate,
        ],
      });
    case "gone":
      return {
        ...video,
        duplicates: video.duplicates.filter((known) => known.id !== message.duplicate_id),
      };
    case "state":
      return {
        ...video,
        state: message.state,
        error: message.error ?? null,
        progress: isFinal(message.state) && message.state !== "failed" ? 1 : video.progress,
      };
    default:
      return video;
  }
}

/** Best first. @param {Video} video */
export function ordered(video) {
  const duplicates = [...(video.duplicates || [])];
  duplicates.sort((a, b) => b.score - a.score || b.covered - a.covered);
  return {
    ...video,
    duplicates,
    scene_cuts: [...(video.scene_cuts || [])].sort((a, b) => a - b),
    warnings: video.warnings || [],
  };
}

function withCut(cuts, timestamp) {
  if (cuts.some((cut) => Math.abs(cut - timestamp) < SAME_CUT_S)) return cuts;
  return [...cuts, timestamp].sort((a, b) => a - b);
}

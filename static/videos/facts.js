/** What is known of a video, as a list of terms. */

import { el } from "./dom.js";
import { bytes, dateTime, timestamp } from "./format.js";

/**
 * @param {import("./types.js").Video} video
 * @returns {HTMLElement[]}
 */
export function factRows(video) {
  const rows = [
    ["Length", video.duration && video.media_type === "video" ? timestamp(video.duration) : ""],
    ["Size", video.size_bytes ? bytes(video.size_bytes) : ""],
    ["Picture", video.width && video.height ? `${video.width} × ${video.height}` : ""],
    ["Codec", video.codec],
    ["Frame rate", video.frame_rate && video.media_type === "video"
      ? `${Number(video.frame_rate.toFixed(2))} a second` : ""],
    ["Uploaded", dateTime(video.uploaded_at)],
  ].filter(([, value]) => value).map(([term, value]) => row(term, value));
  if (video.sha256) {
    rows.push(row("SHA-256", el("code", { title: video.sha256 }, `${video.sha256.slice(0, 12)}…`)));
  }
  return rows;
}

function row(term, value) {
  return el("div", {}, el("dt", {}, term), el("dd", {}, value));
}

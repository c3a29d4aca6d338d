/** One video that a search found: who, how sure, and the frames, each a link to its second. */

import { ICONS, el, icon } from "./dom.js";
import { handOn } from "./focus.js";
import { counted, dateTime, dotted, percent, shown, timestamp, titleOf } from "./format.js";
import { segmentSentence } from "./match-map.js";
import { changes, verdict } from "./words.js";

/** @typedef {import("./types.js").Video} Video */
/** @typedef {import("./types.js").Duplicate} Duplicate */
/** @typedef {import("./types.js").Segment} Segment */

const FRAMES_FIRST = 6;
const SEGMENTS_FIRST = 4;

/**
 * @param {Video} query what was searched with, in a video's shape
 * @param {Duplicate} match
 */
export function matchCard(query, match) {
  const { video } = match;
  const name = el("bdi", {}, shown(titleOf(video)));
  const chip = (words, kind) => el("span", { class: `chip ${kind}` }, words);
  const facts = dotted([counted(match.matched_frames, "matched frame"),
    video.uploaded_at ? `uploaded ${dateTime(video.uploaded_at)}` : ""]);
  const best = match.segments[0];
  const picture = video.thumbnail ? el("img", { src: video.thumbnail, alt: "" })
    : icon(video.media_type === "image" ? ICONS.picture : ICONS.film);
  return el("li", { class: "match card", "data-role": "match" },
    video.page
      ? el("a", { class: "thumbnail", href: place(match, best?.other_start), tabindex: -1,
          "aria-hidden": "true" }, picture)
      : el("div", { class: "thumbnail" }, picture),
    el("div", { class: "match-words" },
      el("h3", {}, video.page ? el("a", { href: video.page }, name) : name),
      el("p", {}, ...verdict({ ...query, duplicates: [match] })),
      el("p", { class: "chips" },
        chip(`${match.confidence_word} ${percent(match.score)}`, match.confidence_word),
        ...changes(told(query, match)).map((change) => chip(change, "plain"))),
      el("p", { class: "small muted" }, facts)),
    folded(match.segments, SEGMENTS_FIRST, "segment",
      el("ol", { class: "found-segments" }), (segment) => segmentRow(query, match, segment)));
}

/**
 * @param {Video} query
 * @param {Duplicate} match
 * @param {Segment} segment
 */
function segmentRow(query, match, segment) {
  const still = { here: query.media_type === "image", there: match.video.media_type === "image" };
  const words = still.here && !still.there ? `At ${timestamp(segment.other_start)}`
    : segmentSentence(segment, still.here ? 0 : query.duration || 0, still);
  const pairs = spread(segment.frame_pairs.filter((pair) => match.video.page && pair.other_picture));
  return el("li", { class: "found-segment", "data-role": "segment", "data-start": segment.start,
    "data-end": segment.end, "data-other-start": segment.other_start,
    "data-other-end": segment.other_end },
    el("p", { class: "small" }, words),
    pairs.length > 0 && folded(pairs, FRAMES_FIRST, "frame", el("ol", { class: "hits" }),
      (pair) => hit(query, match, pair)));
}

function hit(query, match, pair) {
  const { video } = match;
  const image = video.media_type === "image";
  const unseen = (words) => el("span", { class: "sr-only" }, words);
  const name = shown(titleOf(video));
  const here = query.media_type === "image" ? "" : `your ${timestamp(pair.time)}, `;
  return el("li", {}, el("a", { class: "hit", "data-role": "hit", href: place(match, pair.other_time) },
    el("img", { src: pair.other_picture, alt: "", loading: "lazy" }),
    el("span", { class: "hit-words" },
      unseen(image ? `Open ${name}, the ` : `Play ${name} at `),
      el("span", {}, image ? "picture" : timestamp(pair.other_time)),
      unseen(`, ${here}`),
      el("span", { class: "muted" }, percent(pair.score)), unseen(" alike"))));
}

/** That a still is part of a film goes without saying. */
function told(query, match) {
  if (query.media_type !== "image") return match;
  return { ...match, kinds: match.kinds.filter((kind) => kind !== "excerpt") };
}

/** The video's page, at a second of it. */
function place(match, seconds) {
  const { video } = match;
  const timed = video.media_type === "video" && seconds !== undefined;
  return `${video.page}${timed ? `#t=${seconds.toFixed(2)}` : ""}`;
}

/** The first few tell of the whole segment, the rest of what lies between: best spread first. */
function spread(pairs) {
  if (pairs.length <= FRAMES_FIRST) return pairs;
  const first = new Set(Array.from({ length: FRAMES_FIRST }, (_, at) =>
    Math.round((at * (pairs.length - 1)) / (FRAMES_FIRST - 1))));
  return [...pairs.filter((_, at) => first.has(at)), ...pairs.filter((_, at) => !first.has(at))];
}

/**
 * The first `many` rows of a list, and a button for the rest.
 * @template T
 * @param {T[]} all
 * @param {number} many
 * @param {string} what
 * @param {HTMLElement} list
 * @param {(one: T) => HTMLElement} row
 */
function folded(all, many, what, list, row) {
  list.append(...all.slice(0, many).map(row));
  const rest = all.length - many;
  if (rest <= 0) return list;
  const more = el("button", { class: "button quiet more", type: "button",
    click: () => {
      list.append(...all.slice(many).map(row));
      handOn(more, list.children[many].querySelector("a"), list.children[many]);
      more.remove();
    } }, counted(rest, `more ${what}`));
  return el("div", { class: "folded" }, list, more);
}

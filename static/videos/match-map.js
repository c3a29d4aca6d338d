/**
 * Two timelines above each other; every segment is a band on both, joined by a ribbon.
 * Ribbons cross where the order differs and widen or narrow where the speed does.
 */

import { el, setText, svg } from "./dom.js";
import { dotted, percent, shortName, timestamp, titleOf } from "./format.js";
import { hatch } from "./hatch.js";
import { segmentChanges } from "./words.js";

/** @typedef {import("./types.js").Duplicate} Duplicate */
/** @typedef {import("./types.js").Segment} Segment */

const LANE = 28;
const GAP = 48;
const HEIGHT = 2 * LANE + GAP;
const NARROWEST = 4;
/** Lanes share one scale up to this ratio of lengths; beyond it the short one would vanish. */
const SAME_SCALE_RATIO = 6;

/**
 * "0:12.0–0:54.0 here is 0:00.0–0:42.0 there · 35% of this · mirrored"; an image has no seconds.
 * @param {Segment} segment
 * @param {number} duration of this video, 0 for an image or when unknown
 * @param {{here?: boolean, there?: boolean}} [still] which of the two is an image
 */
export function segmentSentence(segment, duration, still = {}) {
  const places = [
    still.here ? "" : `${timestamp(segment.start)}–${timestamp(segment.end)} here`,
    still.there ? "" : `${timestamp(segment.other_start)}–${timestamp(segment.other_end)} there`,
  ].filter(Boolean);
  const parts = [places.join(" is ") || "The whole image"];
  if (duration && !still.there) parts.push(`${percent((segment.end - segment.start) / duration)} of this`);
  return dotted([...parts, ...segmentChanges(segment)]);
}

export class MatchMap {
  /**
   * @param {number} duration of this video, seconds
   * @param {(segment: Segment) => void} choose
   * @param {string} [name] what this video is called
   */
  constructor(duration, choose, name = "This video") {
    this.duration = duration;
    this.name = name;
    this.choose = choose;
    /** @type {Duplicate|null} */
    this.duplicate = null;
    /** @type {Segment["id"]|null} */
    this.chosen = null;
    this.drawn = "";
    this.canvas = svg("svg", { class: "map-canvas", height: HEIGHT, role: "group",
      "aria-label": "Match map; arrow keys go from segment to segment, Enter plays one" });
    this.heads = [el("span", { class: "playhead", hidden: true }),
      el("span", { class: "playhead lower", hidden: true })];
    this.frame = el("div", { class: "map-frame" }, this.canvas, ...this.heads);
    this.readout = el("p", { class: "map-readout small" });
    this.note = el("p", { class: "small muted", hidden: true },
      "The two bars have different scales: the lengths are too far apart for one.");
    this.above = el("p", { class: "map-label" });
    this.below = el("p", { class: "map-label" });
    this.element = el("div", { class: "match-map" }, this.above, this.frame, this.below,
      this.readout, this.note);
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  /** @param {Duplicate} duplicate */
  update(duplicate) {
    this.duplicate = duplicate;
    const other = duplicate.video.duration || 0;
    this.above.replaceChildren(el("bdi", {}, shortName(this.name)),
      el("span", {}, timestamp(this.duration)));
    this.below.replaceChildren(el("bdi", {}, shortName(titleOf(duplicate.video))),
      el("span", {}, timestamp(other)));
    const ratio = Math.max(this.duration, other) / Math.max(0.1, Math.min(this.duration, other));
    this.longest = ratio <= SAME_SCALE_RATIO ? Math.max(this.duration, other) : 0;
    this.note.hidden = this.longest > 0;
    // Each label is as long as its lane, so that the length stands at the lane's end.
    this.above.style.setProperty("--lane", String(this.share(this.duration, this.duration)));
    this.below.style.setProperty("--lane", String(this.share(other, other)));
    // A single segment stands written out in the list already.
    this.readout.hidden = duplicate.segments.length < 2;
    this.draw();
    this.rest();
  }

  /** @param {Segment["id"]|null} id */
  mark(id) {
    this.chosen = id;
    for (const band of this.canvas.querySelectorAll(".map-segment")) {
      band.classList.toggle("chosen", band.dataset.segment === String(id));
    }
    this.rest();
  }

  /**
   * @param {number|null} here
   * @param {number|null} there
   */
  setPosition(here, there) {
    const shares = [here === null ? null : this.share(here, this.duration),
      there === null ? null : this.share(there, this.duplicate?.video.duration || 0)];
    shares.forEach((share, index) => {
      this.heads[index].hidden = share === null;
      if (share !== null) this.heads[index].style.setProperty("--at", share.toFixed(5));
    });
  }

  /** Where on the drawing's width a second lies, 0..1. */
  share(seconds, duration) {
    return Math.min(1, Math.max(0, seconds / (this.longest || duration || 1)));
  }

  draw() {
    const width = this.frame.clientWidth;
    const { duplicate } = this;
    if (!duplicate || !width) return;
    const key = JSON.stringify([width, this.duration, duplicate.segments, duplicate.video.duration]);
    if (key === this.drawn) return;
    this.drawn = key;
    const focused = this.canvas.contains(document.activeElement)
      ? document.activeElement.dataset.segment : null;
    const other = duplicate.video.duration || 0;
    const pattern = hatch();
    this.canvas.setAttribute("width", String(width));
    this.canvas.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.canvas.replaceChildren(
      svg("defs", {}, pattern.element),
      svg("rect", { class: "lane", width: this.share(this.duration, this.duration) * width,
        height: LANE, rx: 4 }),
      svg("rect", { class: "lane", y: LANE + GAP, width: this.share(other, other) * width,
        height: LANE, rx: 4 }),
      ...duplicate.segments.map((segment, index) => this.band(segment, index, width, pattern.url)),
    );
    this.mark(this.chosen);
    if (focused) this.canvas.querySelector(`[data-segment="${CSS.escape(focused)}"]`)?.focus();
  }

  /**
   * @param {Segment} segment
   * @param {number} index
   * @param {number} width
   * @param {string} paint
   */
  band(segment, index, width, paint) {
    const other = this.duplicate.video.duration || 0;
    const edges = (start, end, duration) => {
      const from = this.share(start, duration) * width;
      const till = Math.max(this.share(end, duration) * width, from + NARROWEST);
      return [Math.min(from, width - NARROWEST), Math.min(till, width)];
    };
    const [a, b] = edges(segment.start, segment.end, this.duration);
    const [c, d] = edges(segment.other_start, segment.other_end, other);
    const middle = LANE + GAP / 2;
    const ribbon = `M${a} ${LANE}C${a} ${middle} ${c} ${middle} ${c} ${LANE + GAP}` +
      `H${d}C${d} ${middle} ${b} ${middle} ${b} ${LANE}Z`;
    const upper = { x: a, y: 0, width: b - a, height: LANE };
    const lower = { x: c, y: LANE + GAP, width: d - c, height: LANE };
    const show = () => setText(this.readout, segmentSentence(segment, this.duration));
    return svg("g", { class: "map-segment", role: "button", tabindex: index === 0 ? 0 : -1,
      "data-segment": segment.id, "aria-label": `Play ${segmentSentence(segment, this.duration)}`,
      click: () => this.choose(segment), keydown: (event) => this.key(event, segment),
      pointerenter: show, focus: show, pointerleave: () => this.rest(), blur: () => this.rest() },
      svg("path", { class: "ribbon", d: ribbon }),
      ...[upper, lower].flatMap((place) => [svg("rect", { class: "band-fill", ...place }),
        svg("rect", { fill: paint, ...place }), svg("rect", { class: "band-edge", ...place })]));
  }

  /** With nothing pointed at, the line tells of the chosen segment, or what to do. */
  rest() {
    const segments = this.duplicate?.segments || [];
    const segment = segments.find((one) => one.id === this.chosen);
    setText(this.readout, segment ? segmentSentence(segment, this.duration)
      : "Point at a band to read it, choose it to play it.");
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Segment} segment
   */
  key(event, segment) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(segment);
      return;
    }
    const bands = [...this.canvas.querySelectorAll(".map-segment")];
    const at = bands.indexOf(event.currentTarget);
    const target = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1,
      Home: 0, End: bands.length - 1 }[event.key];
    if (target === undefined || !bands[target]) return;
    event.preventDefault();
    bands[at].setAttribute("tabindex", "-1");
    bands[target].setAttribute("tabindex", "0");
    bands[target].focus();
  }
}

/** Why two frames are called the same: pictures of both with the points that agree joined up. */

import { el, setText } from "./dom.js";
import { counted, dotted, timestamp } from "./format.js";
import { pictureChanges } from "./words.js";

/** @typedef {import("./types.js").Duplicate} Duplicate */
/** @typedef {import("./types.js").Segment} Segment */
/** @typedef {import("./types.js").PointPair} PointPair */

const FIRST = 2;
const WIDTHS = [360, 720, 1280];

export class MatchedPoints {
  constructor() {
    this.shown = FIRST;
    this.drawn = "";
    /** @type {{segment: Segment, pair: PointPair}[]} */
    this.pairs = [];
    this.count = el("span", { class: "muted" });
    this.list = el("div", { class: "point-list" });
    this.more = el("button", { class: "button", type: "button", hidden: true,
      click: () => this.showMore() }, "More pictures");
    this.element = el("details", { class: "points", hidden: true, "data-role": "matched-points",
      toggle: () => this.draw() },
      el("summary", {}, "Show matched points ", this.count), this.list, this.more);
  }

  /** @param {Duplicate} duplicate */
  update(duplicate) {
    // The best picture of each segment first, or one segment would hide the others.
    const ranked = duplicate.segments.flatMap((segment) =>
      (segment.matched_points || []).map((pair, rank) => ({ segment, pair, rank })));
    this.pairs = ranked.sort((a, b) => a.rank - b.rank);
    this.element.hidden = !this.pairs.length;
    setText(this.count, counted(this.pairs.length, "picture"));
    this.draw();
  }

  /** Nothing is asked of the server before somebody wants to see it. */
  draw() {
    if (!this.element.open) return;
    const visible = this.pairs.slice(0, this.shown);
    const key = JSON.stringify(visible);
    this.more.hidden = this.pairs.length <= this.shown;
    if (key === this.drawn) return;
    this.drawn = key;
    this.list.replaceChildren(...visible.map((one) => figure(one.segment, one.pair)));
  }

  showMore() {
    const from = this.shown;
    this.shown += 2 * FIRST;
    this.draw();
    this.list.children[from]?.focus();
  }
}

/**
 * @param {Segment} segment
 * @param {PointPair} pair
 */
function figure(segment, pair) {
  const count = pair.points.length;
  const points = count ? counted(count, "matched point") : "no points, only what both pictures show";
  const alt = `Frames at ${timestamp(pair.time)} here and ${timestamp(pair.other_time)} there ` +
    `side by side, ${points}`;
  const sizes = "(max-width: 760px) calc(100vw - 4rem), 40rem";
  const set = (rest) => WIDTHS.map((width) => `${pair.picture}&width=${width}${rest} ${width}w`)
    .join(", ");
  return el("figure", { tabindex: -1 },
    el("picture", {},
      el("source", { media: "(prefers-color-scheme: dark)", srcset: set("&dark=1"), sizes }),
      el("img", { srcset: set(""), src: pair.picture, sizes, alt, loading: "lazy" })),
    el("figcaption", {},
      el("span", {}, `${timestamp(pair.time)} here`),
      el("span", {}, `${timestamp(pair.other_time)} there`),
      el("span", { class: "muted" }, dotted([points, ...pictureChanges(segment)]))));
}

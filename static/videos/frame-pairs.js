/** The evidence: frames of both videos side by side, with the second each was taken at. */

import { el } from "./dom.js";
import { percent, timestamp } from "./format.js";

/** @typedef {import("./types.js").Duplicate} Duplicate */
/** @typedef {import("./types.js").FramePair} FramePair */

const FIRST = 6;

export class FramePairs {
  /**
   * @param {(pair: FramePair) => void} seek
   * @param {string} [heading] its element, by the place in the page
   */
  constructor(seek, heading = "h4") {
    this.seek = seek;
    this.shown = FIRST;
    this.drawn = "";
    /** @type {FramePair[]} */
    this.pairs = [];
    this.list = el("ol", { class: "frame-list" });
    this.more = el("button", { class: "button", type: "button", hidden: true,
      click: () => this.showMore() }, "More frames");
    this.element = el("div", { class: "frames", hidden: true, role: "group",
      "aria-label": "Matched frames" },
      el(heading, {}, "The same frames in both"), this.list, this.more);
  }

  /** @param {Duplicate} duplicate */
  update(duplicate) {
    this.pairs = duplicate.segments.flatMap((segment) => segment.frame_pairs || []);
    this.draw();
  }

  draw() {
    const visible = this.pairs.slice(0, this.shown);
    const key = JSON.stringify(visible);
    this.element.hidden = !visible.length;
    this.more.hidden = this.pairs.length <= this.shown;
    if (key === this.drawn) return;
    this.drawn = key;
    this.list.replaceChildren(...visible.map((pair) => this.card(pair)));
  }

  /** @param {FramePair} pair */
  card(pair) {
    const pictures = [pair.picture, pair.other_picture].filter(Boolean);
    // The name is made of the words one sees, in their order, so that it can be said to a computer.
    const unseen = (words) => el("span", { class: "sr-only" }, words);
    return el("li", {}, el("button", { class: "frame-pair", type: "button",
      "data-role": "frame-pair", click: () => this.seek(pair) },
      pictures.length === 2 && el("span", { class: "frame-pictures" },
        ...pictures.map((url) => el("img", { src: url, alt: "", loading: "lazy" }))),
      el("span", { class: "frame-words" },
        el("span", {}, unseen("Show "), timestamp(pair.time), unseen(" here, ")),
        el("span", { class: "muted" }, percent(pair.score), unseen(" alike, ")),
        el("span", {}, timestamp(pair.other_time), unseen(" there")))));
  }

  showMore() {
    const from = this.shown;
    this.shown += 2 * FIRST;
    this.draw();
    this.list.children[from]?.querySelector("button").focus();
  }
}

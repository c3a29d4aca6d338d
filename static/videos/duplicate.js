/** One duplicate of this video: who, how sure, which seconds, and the evidence to look at. */

import { ICONS, el, icon, setText } from "./dom.js";
import { handOn } from "./focus.js";
import { counted, dateTime, dotted, length, percent, shown, titleOf } from "./format.js";
import { FramePairs } from "./frame-pairs.js";
import { MatchMap, segmentSentence } from "./match-map.js";
import { MatchedPoints } from "./matched-points.js";
import { PlayerPair } from "./player-pair.js";
import { changes, secondsHere, secondsThere } from "./words.js";

/** @typedef {import("./types.js").Video} Video */
/** @typedef {import("./types.js").Duplicate} Duplicate */
/** @typedef {import("./types.js").Segment} Segment */

const SEGMENTS_FIRST = 8;

export class DuplicateView {
  /**
   * @param {Video} video
   * @param {Duplicate} duplicate
   * @param {{
   *   opened: (view: DuplicateView) => void,
   *   moved: (here: number) => void,
   *   showHere: (here: number) => void,
   * }} page
   */
  constructor(video, duplicate, page) {
    this.video = video;
    this.page = page;
    this.drawn = "";
    this.allSegments = false;
    /** @type {PlayerPair|null} */
    this.pair = null;
    this.thumbnails = el("div", { class: "duplicate-thumbnails", "aria-hidden": "true" });
    this.heading = el("h3");
    this.chips = el("p", { class: "chips" });
    this.facts = el("p", { class: "small muted" });
    this.compare = el("button", { class: "button", type: "button", "aria-expanded": "false",
      "data-role": "compare", click: () => this.toggle() });
    this.map = new MatchMap(video.duration || 0, (segment) => this.play(segment));
    this.segmentList = el("ol", { class: "segment-list" });
    this.moreSegments = el("button", { class: "button quiet", type: "button", hidden: true,
      click: () => this.showAllSegments() });
    this.stage = el("div", { class: "pair-stage" });
    this.frames = new FramePairs((pair) => this.show(pair));
    this.points = new MatchedPoints();
    this.element = el("article", { class: "duplicate card", "data-role": "duplicate" },
      el("header", { class: "duplicate-head" }, this.thumbnails,
        el("div", { class: "duplicate-words" }, this.heading, this.chips, this.facts), this.compare),
      this.map.element, this.segmentList, this.moreSegments, this.stage, this.frames.element,
      this.points.element);
    this.update(video, duplicate);
  }

  /**
   * @param {Video} video
   * @param {Duplicate} duplicate
   */
  update(video, duplicate) {
    this.video = video;
    const key = JSON.stringify([duplicate, video.media, video.duration, video.thumbnail]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.duplicate = duplicate;
    this.element.dataset.duplicate = String(duplicate.id);
    this.element.dataset.provisional = String(duplicate.provisional);
    this.drawHead();
    this.drawSegments();
    const mapped = video.duration && duplicate.video.duration && duplicate.segments.length;
    this.map.element.hidden = !mapped;
    this.map.duration = video.duration || 0;
    if (mapped) this.map.update(duplicate);
    this.frames.update(duplicate);
    this.points.update(duplicate);
    this.pair?.update(duplicate);
    this.compare.hidden = !this.comparable();
    this.showOpen();
  }

  /** Two pictures to compare, of which the viewer may see both. */
  comparable() {
    return Boolean(this.video.media && this.duplicate.video.media);
  }

  drawHead() {
    const { duplicate, video } = this;
    const { video: other } = duplicate;
    const name = el("bdi", {}, shown(titleOf(other)));
    this.heading.replaceChildren(other.page ? el("a", { href: other.page }, name) : name);
    const chip = (words, kind) => el("span", { class: `chip ${kind}` }, words);
    this.chips.replaceChildren(
      chip(`${duplicate.confidence_word} ${percent(duplicate.score)}`, duplicate.confidence_word),
      ...changes(duplicate).map((change) => chip(change, "plain")),
      duplicate.provisional ? chip("so far", "plain") : "");
    setText(this.facts, dotted([...this.shares(), counted(duplicate.matched_frames, "matched frame"),
      other.uploaded_at ? `uploaded ${dateTime(other.uploaded_at)}` : ""]));
    this.thumbnails.replaceChildren(thumbnail(video), thumbnail(other));
    this.element.setAttribute("aria-label",
      `${titleOf(other)}, ${duplicate.confidence_word}, ${percent(duplicate.score)}`);
  }

  shares() {
    const { duplicate, video } = this;
    const images = [video, duplicate.video].some((one) => one.media_type === "image");
    if (images || !duplicate.segments.length) return [];
    const both = [
      [secondsHere(duplicate), duplicate.covered, "this"],
      [secondsThere(duplicate), duplicate.covered_other, "it"],
    ];
    return both.map(([seconds, share, whose]) => `${length(seconds)} of ${whose} (${percent(share)})`);
  }

  drawSegments() {
    const { segments } = this.duplicate;
    const shown = this.allSegments ? segments : segments.slice(0, SEGMENTS_FIRST);
    this.moreSegments.hidden = shown.length === segments.length;
    setText(this.moreSegments, `All ${segments.length} segments`);
    const playable = this.comparable() || Boolean(this.video.media);
    this.segmentList.replaceChildren(...shown.map((segment) => {
      const words = segmentSentence(segment, this.video.duration || 0, {
        here: this.video.media_type === "image",
        there: this.duplicate.video.media_type === "image",
      });
      const attributes = { "data-role": "segment", "data-segment": segment.id,
        "data-start": segment.start, "data-end": segment.end,
        "data-other-start": segment.other_start, "data-other-end": segment.other_end };
      return el("li", {}, playable
        ? el("button", { ...attributes, class: "segment", type: "button", "aria-pressed": "false",
            click: () => this.play(segment) }, icon(ICONS.play), el("span", {}, words))
        : el("p", { ...attributes, class: "segment" }, words));
    }));
    this.markSegment(this.pair?.segment ?? null);
  }

  showAllSegments() {
    this.allSegments = true;
    this.drawSegments();
    const row = this.segmentList.children[SEGMENTS_FIRST];
    handOn(this.moreSegments, row?.querySelector("button"), row);
  }

  /** @param {Segment|null} segment */
  markSegment(segment) {
    const id = segment ? String(segment.id) : "";
    for (const row of this.segmentList.querySelectorAll("button")) {
      row.setAttribute("aria-pressed", String(row.dataset.segment === id));
    }
    this.map.mark(segment ? segment.id : null);
    this.marked = id;
  }

  /** Puts both at the segment and plays; with only this video to see, that one goes there. */
  play(segment) {
    if (!this.comparable()) {
      this.page.showHere(segment.start);
      this.markSegment(segment);
      return;
    }
    this.open();
    this.markSegment(segment);
    this.pair.choose(segment, { play: true });
    this.stage.scrollIntoView({ block: "nearest" });
  }

  /**
   * Puts both at a pair of frames. Where players open here and others above close, the frames stay
   * where one looks at them.
   * @param {import("./types.js").FramePair} frames
   */
  show(frames) {
    const { element } = this.frames;
    const before = element.getBoundingClientRect().top;
    this.open();
    scrollBy(0, element.getBoundingClientRect().top - before);
    this.pair?.seekBoth(frames.time, frames.other_time);
  }

  open() {
    if (this.pair || !this.comparable()) return;
    this.page.opened(this);
    this.pair = new PlayerPair(this.video, this.duplicate, (here, there, segment) => {
      this.map.setPosition(here, there);
      this.page.moved(here);
      if ((segment ? String(segment.id) : "") !== this.marked) this.markSegment(segment);
    });
    this.stage.replaceChildren(this.pair.element);
    const [first] = this.duplicate.segments;
    if (first) {
      this.pair.choose(first);
      this.markSegment(first);
    }
    this.showOpen();
  }

  close() {
    this.pair?.destroy();
    this.pair = null;
    this.map.setPosition(null, null);
    this.markSegment(null);
    this.showOpen();
  }

  toggle() {
    if (this.pair) this.close();
    else this.open();
  }

  pause() {
    this.pair?.pause();
  }

  showOpen() {
    this.compare.setAttribute("aria-expanded", String(Boolean(this.pair)));
    setText(this.compare, this.pair ? "Close the players" : "Compare side by side");
  }
}

/** @param {{thumbnail: string|null, media_type: string}} video */
function thumbnail(video) {
  return el("div", { class: "thumbnail" }, video.thumbnail
    ? el("img", { src: video.thumbnail, alt: "" })
    : icon(video.media_type === "image" ? ICONS.picture : ICONS.film));
}

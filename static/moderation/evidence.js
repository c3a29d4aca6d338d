/** What is compared: players, match map, frame pairs, matched points. Blurred until asked. */

import { el, setText } from "../videos/dom.js";
import { titleOf } from "../videos/format.js";
import { FramePairs } from "../videos/frame-pairs.js";
import { MatchMap, segmentSentence } from "../videos/match-map.js";
import { MatchedPoints } from "../videos/matched-points.js";
import { PlayerPair } from "../videos/player-pair.js";

export class Evidence {
  /**
   * @param {any} told the case of the flag
   * @param {boolean} blurred
   */
  constructor(told, blurred) {
    const { video, match } = told;
    this.match = match;
    this.map = new MatchMap(video.duration || 0, (segment) => this.choose(segment, true),
      titleOf(video));
    this.pair = new PlayerPair(video, match, (here, there, segment) => {
      this.map.setPosition(here, there);
      if (segment?.id !== this.chosen) this.mark(segment);
    }, titleOf(video));
    this.frames = new FramePairs((pair) => this.pair.seekBoth(pair.time, pair.other_time), "h2");
    this.points = new MatchedPoints();
    // What a second reviewer is asked to agree to.
    this.proposed = told.proposed;
    this.segments = el("ol", { class: "segment-list", "aria-label": "Segments" });
    this.veil = el("p", { class: "veil" }, el("button", { class: "button primary", type: "button",
      "data-role": "unblur", click: () => this.blur(false) }, "Show the pictures (b)"));
    this.element = el("div", { class: "evidence", "data-role": "evidence" },
      el("div", { class: "pair-stage" }, this.pair.element, this.veil), this.map.element,
      this.segments, this.frames.element, this.points.element);
    const mapped = Boolean(video.duration && match.video.duration && match.segments.length);
    this.map.element.hidden = !mapped;
    if (mapped) this.map.update(match);
    this.frames.update(match);
    this.points.update(match);
    this.segments.replaceChildren(...match.segments.map((segment, index) => this.row(segment, index,
      video)));
    this.blur(blurred);
    if (match.segments.length) this.choose(match.segments[0], false);
  }

  row(segment, index, video) {
    const words = segmentSentence(segment, video.duration || 0, {
      here: video.media_type === "image", there: this.match.video.media_type === "image" });
    // Unticked, the segment is not part of what is confirmed.
    const checked = !this.proposed || this.proposed.includes(index);
    const box = el("input", { type: "checkbox", checked, value: index,
      "aria-label": `Confirm ${words}` });
    return el("li", {}, el("label", { class: "segment-tick" }, box),
      el("button", { class: "segment", type: "button", "aria-pressed": "false",
        "data-role": "segment", "data-segment": segment.id, "data-start": segment.start,
        "data-other-start": segment.other_start,
        click: () => this.choose(segment, true) }, words));
  }

  /** Places of the ticked segments in the evidence. */
  ticked() {
    const boxes = [...this.segments.querySelectorAll("input")];
    return boxes.filter((box) => box.checked).map((box) => Number(box.value));
  }

  choose(segment, play) {
    this.mark(segment);
    this.pair.choose(segment, { play: play && !this.blurred });
  }

  mark(segment) {
    this.chosen = segment?.id;
    this.map.mark(segment ? segment.id : null);
    for (const button of this.segments.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.segment === String(segment?.id)));
    }
  }

  /** @param {boolean} on */
  blur(on) {
    this.blurred = on;
    this.element.classList.toggle("blurred", on);
    this.veil.hidden = !on;
    if (on) this.pair.pause();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was a key of the players */
  key(event) {
    if (![" ", ",", ".", "[", "]", "x", "o"].includes(event.key)) return false;
    this.pair.key(event);
    return true;
  }

  close() {
    this.pair.destroy();
  }
}

/** @param {HTMLElement} place */
export function noEvidence(place) {
  const note = el("p", { class: "empty" });
  setText(note, "The match is not there any more: one of the videos was analysed anew and it was not found again. You can dismiss the flag.");
  place.replaceChildren(note);
}
